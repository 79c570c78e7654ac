# frozen_string_literal: true

module Fulfillment
  # A payment gateway on a bad day. Of each charge, told apart by its idempotency key,
  #
  # 1. the first request is turned away: the gateway is busy, and says when to come back;
  # 2. the second one is carried out, but the answer gets lost on its way;
  # 3. the third one gets the answer to the second: no card is charged twice.
  class PaymentGateway
    # Too many requests; come back after +retry_after+ seconds.
    class Busy < StandardError
      attr_reader :retry_after

      def initialize(retry_after)
        super("the gateway is busy")
        @retry_after = retry_after
      end
    end

    # The bank says no, and will say so again.
    class Declined < StandardError; end

    # Nobody knows whether the card was charged.
    class ConnectionLost < StandardError; end

    Charge = Struct.new(:id, :amount_cents, :currency, :card, keyword_init: true)

    DECLINED_CARD = "tok_declined"

    def initialize(latency: 0, retry_after: 0)
      @latency = latency
      @retry_after = retry_after
      @requests = Hash.new(0)
      @charges = {}
      @lock = Mutex.new
    end

    # @param card [String] a token
    # @param key [String] requests with the same key are one charge
    # @return [Charge]
    # @raise [Busy, Declined, ConnectionLost]
    def charge(card:, amount_cents:, currency:, key:)
      sleep @latency
      @lock.synchronize do
        request = (@requests[key] += 1)
        raise Busy, @retry_after if request == 1
        raise Declined, "the bank declined the card" if card == DECLINED_CARD

        @charges[key] ||= Charge.new(id: format("ch_%06d", @charges.size + 1), amount_cents: amount_cents, currency: currency, card: card)
        raise ConnectionLost, "connection reset while waiting for the answer" if request == 2

        @charges[key]
      end
    end

    # @return [Array<Charge>] all that were ever made
    def charges = @lock.synchronize { @charges.values }
  end
end
