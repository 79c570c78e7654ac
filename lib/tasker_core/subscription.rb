# frozen_string_literal: true

module TaskerCore
  # Receives events; {Coordinator#subscribe} makes one. It lasts until {Coordinator#unsubscribe}, or until its
  # coordinator is closed or collected, whether or not anybody refers to it.
  class Subscription
    # @api private
    attr_reader :native

    # @api private
    def initialize(native)
      @native = native
    end

    # @return [String] which events it hears
    def pattern = @native.pattern

    # @return [Boolean] whether events still come
    def active? = @native.active?

    # @return [Result] how many events were +delivered+, are +waiting+, and were +dropped+ because the queue was full,
    #   and on how many the block +failed+
    def stats = Result.new(@native.stats)

    # @return [String]
    def inspect = "#<#{self.class.name} #{pattern} #{active? ? 'active' : 'ended'}>"
  end
end
