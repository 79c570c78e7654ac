# frozen_string_literal: true

module Fulfillment
  # Mail to customers. The same key is the same message.
  class Outbox
    Message = Struct.new(:id, :to, :subject, keyword_init: true)

    def initialize(latency: 0)
      @latency = latency
      @messages = {}
      @lock = Mutex.new
    end

    # @return [Message]
    def deliver(to:, subject:, key:)
      sleep @latency
      @lock.synchronize { @messages[key] ||= Message.new(id: format("MSG-%05d", @messages.size + 1), to: to, subject: subject) }
    end

    def messages = @lock.synchronize { @messages.values }
  end
end
