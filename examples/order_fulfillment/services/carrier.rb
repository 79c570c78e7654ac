# frozen_string_literal: true

require "date"

module Fulfillment
  # Takes parcels. The same key is the same parcel.
  class Carrier
    Shipment = Struct.new(:tracking_number, :estimated_delivery, keyword_init: true)

    DAYS = { "express" => 1, "standard" => 4 }.freeze

    def initialize(latency: 0)
      @latency = latency
      @shipments = {}
      @lock = Mutex.new
    end

    # @param method [String] +express+ or +standard+
    # @return [Shipment]
    def ship(address:, method:, depot:, key:)
      sleep @latency
      @lock.synchronize do
        @shipments[key] ||= Shipment.new(
          tracking_number: format("%s-%s-%06d", depot, address["country"], @shipments.size + 1),
          estimated_delivery: Date.today + DAYS.fetch(method)
        )
      end
    end

    def shipments = @lock.synchronize { @shipments.values }
  end
end
