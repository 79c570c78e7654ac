# frozen_string_literal: true

module TaskerCore
  module CLI
    # +tasker migrate+
    #
    # @api private
    class Migrate
      # @param options [Options]
      # @param out [IO]
      def initialize(options, out)
        @options = options
        @out = out
      end

      # @return [Integer] the exit code
      def run
        Application.new(@options).load
        TaskerCore.migrate!
        @out.puts("The schema tasker is what version #{VERSION} needs.")
        OK
      end
    end
  end
end
