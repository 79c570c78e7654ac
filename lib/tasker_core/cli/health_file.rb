# frozen_string_literal: true

require "json"

module TaskerCore
  module CLI
    # Written anew at each look of the {HealthWatch} that finds the health +ok+ or +degraded+, left alone while it is +down+: a file that
    # has grown old, or is not there, means that something is wrong. It holds the health as JSON.
    #
    # @api private
    class HealthFile
      # @param path [String, nil] nil: nothing is written
      def initialize(path)
        @path = path && File.expand_path(path)
      end

      # Whoever reads it sees all of it or the one before.
      #
      # @param health [Hash]
      def write(health)
        return unless @path

        File.write("#{@path}.new", "#{JSON.generate(health)}\n")
        File.rename("#{@path}.new", @path)
      end

      def delete
        File.delete(@path) if @path && File.file?(@path)
      end
    end
  end
end
