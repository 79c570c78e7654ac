# frozen_string_literal: true

module Fulfillment
  # What is on the shelves. To reserve with the same key again gives the reservation that the key made: a step may run more
  # than once.
  class Inventory
    class OutOfStock < StandardError; end

    STOCK = Orders::GOODS.to_h { |sku, *| [sku, 1_000] }.freeze

    def initialize(stock: STOCK, latency: 0)
      @stock = stock.dup
      @latency = latency
      @reservations = {}
      @lock = Mutex.new
    end

    # @param items [Array<Hash>] +sku+ and +quantity+ of each
    # @return [String] the reservation's id
    # @raise [OutOfStock] and nothing is reserved
    def reserve(items, key:)
      sleep @latency
      @lock.synchronize { @reservations[key] ||= take(items) }
    end

    def on_hand(sku) = @lock.synchronize { @stock.fetch(sku, 0) }

    private

    def take(items)
      missing = items.find { |item| @stock.fetch(item["sku"], 0) < item["quantity"] }
      raise OutOfStock, "#{missing['sku']}: #{missing['quantity']} wanted, #{@stock.fetch(missing['sku'], 0)} on hand" if missing

      items.each { |item| @stock[item["sku"]] -= item["quantity"] }
      format("RSV-%05d", @reservations.size + 1)
    end
  end
end
