# frozen_string_literal: true

require "securerandom"

module Fulfillment
  # Orders as a checkout would hand them over.
  module Orders
    CUSTOMERS = [
      ["Ada Lovelace", "ada@example.com", "12 St James's Square", "SW1Y 4JH", "London", "GB"],
      ["Konrad Zuse", "konrad@example.com", "Methfesselstr. 7", "10965", "Berlin", "DE"],
      ["Grace Hopper", "grace@example.com", "1 Chambers Street", "10007", "New York", "US"],
      ["Hedy Lamarr", "hedy@example.com", "Peter-Jordan-Str. 35", "1190", "Wien", "AT"]
    ].freeze

    GOODS = [
      ["KB-75-ISO", "Mechanical keyboard, 75 %", 12_900],
      ["CBL-USBC-2M", "Cable, USB-C, 2 m", 1_450],
      ["MSE-TRK-L", "Trackball, left-handed", 7_995],
      ["BK-TAOCP-4B", "The Art of Computer Programming 4B", 6_299]
    ].freeze

    CURRENCIES = { "GB" => "GBP", "US" => "USD" }.freeze

    class << self
      # @param number [Integer] the order's number in its batch, from 1; it decides who buys what
      # @param card [String] the token of the card; {PaymentGateway::DECLINED_CARD} is refused for good
      # @return [Hash] a request for TaskerCore, whose idempotency key makes an order that is sent twice one task
      def request(number, card: "tok_visa_4242", batch: SecureRandom.hex(2).upcase)
        order = order(number, card: card, batch: batch)
        {
          namespace: "fulfillment",
          task_name: "process_order",
          payload: order,
          idempotency_key: order[:order_id],
          tags: ["checkout", order.dig(:shipping, :method)],
          initiator: "shop"
        }
      end

      # Symbols and times are fine in a payload: it becomes JSON on its way into the core.
      def order(number, card:, batch:)
        name, email, street, postal_code, city, country = CUSTOMERS[(number - 1) % CUSTOMERS.size]
        {
          order_id: "ORD-#{batch}-#{number}",
          placed_at: Time.now.utc,
          customer: { id: 4_700 + number, name: name, email: email, loyalty: { tier: :gold, points: 120 * number } },
          items: items(number),
          shipping: {
            method: number.odd? ? "express" : "standard",
            address: { street: street, postal_code: postal_code, city: city, country: country }
          },
          payment: { token: card, currency: CURRENCIES.fetch(country, "EUR") }
        }
      end

      private

      def items(number)
        Array.new(1 + (number % 3)) do |index|
          sku, title, cents = GOODS[(number + index) % GOODS.size]
          { sku: sku, title: title, quantity: 1 + (index % 2), unit_price_cents: cents }
        end
      end
    end
  end
end
