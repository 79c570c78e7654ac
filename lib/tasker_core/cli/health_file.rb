# frozen_string_literal: true

require "json"

module TaskerCore
  module CLI
    # A file that is written anew when a look of the {HealthWatch} finds the health +ok+ or +degraded+, and left alone
    # while it is +down+. So a file that has grown old, or is not there, means that something is wrong. It holds the
    # health as JSON.
    #
    # @api private
    class HealthFile
      # @param path [String, nil] nil: nothing is written
      def initialize(path)
        @path = path && File.expand_path(path)
      end

      # A reader sees either the whole new file or the whole old one.
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
