# frozen_string_literal: true

module TaskerCore
  module RSpec
    # What all examples of a process share: a clock that can be moved, and a handle that keeps pool and threads between them.
    #
    # @api private
    class Stage
      def initialize(settings)
        # Many examples provoke failures on purpose, so these are no news.
        TaskerCore.default_logger = Logger.new($stderr, level: Logger::ERROR, progname: "tasker_core") unless defined?(::Rails.logger) && ::Rails.logger
        @settings = settings
        @clock = Native.test_clock
        @library = Library.new(settings.templates)
        @base = Coordinator.new(settings.coordinator_config) { |handlers| @keeper = open(settings.coordinator_config, handlers) }
      end

      attr_reader :clock

      # @return [ExampleNative] a native handle for one example
      def native(handlers, scope, journal)
        config = marked(@settings.coordinator_config, scope)
        ExampleNative.new(open(config, handlers), scope: scope, journal: journal, library: @library)
      end

      # @return [Time] what time it is for the tasks
      def now = Time.at(@keeper.now / 1000r).utc

      # Removes what an example has made, once its coordinator is closed.
      def clear(scope)
        @keeper.erase(scope.namespaces)
        @clock.rewind
      end

      def close = @base.close

      private

      def open(config, handlers) = Native.open_on(@clock, config, handlers, "tasker_core/rspec")

      # Limits apply to names of handlers or of steps. The handlers' names are marked here, and so are the namespaces of
      # workers.
      def marked(config, scope)
        limits, namespaces = config.values_at("retry_limits", "namespaces")
        config = config.merge("retry_limits" => limits.merge(limits.transform_keys { |name| scope.mark(name) })) if limits.is_a?(Hash)
        config = config.merge("namespaces" => namespaces.map { |name| scope.namespace(name) }) if namespaces.is_a?(Array)
        config
      end
    end
  end
end
