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
        application = Application.new(@options)
        application.prepare
        # Other code than Rails' is left alone where it is known which database: it may want the schema as soon as it is loaded.
        application.load_code if application.rails? || Configuration.given["database_url"].nil?
        TaskerCore.migrate!
        @out.puts("The schema tasker is what version #{VERSION} needs.")
        OK
      end
    end
  end
end
