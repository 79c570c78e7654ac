# frozen_string_literal: true

module Fulfillment
  module Demo
    # Colours, where they are wanted.
    class Ink
      CODES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33, cyan: 36 }.freeze

      # How each state of a step or a task looks.
      STATES = {
        "pending" => ["·", :dim], "enqueued" => ["·", :dim], "in_progress" => ["●", :cyan], "waiting_for_retry" => ["↻", :yellow],
        "complete" => ["✓", :green], "error" => ["✗", :red], "cancelled" => ["–", :dim], "resolved_manually" => ["✓", :green]
      }.freeze

      def initialize(colours)
        @colours = colours
      end

      def paint(text, *styles)
        styles = styles.compact
        @colours && styles.any? ? "\e[#{CODES.fetch_values(*styles).join(';')}m#{text}\e[0m" : text.to_s
      end

      def sign(state) = paint(*STATES.fetch(state, ["?", :red]))

      # @return [Symbol] the colour of a state
      def colour(state) = STATES.dig(state, 1)
    end
  end
end
