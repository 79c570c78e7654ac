# frozen_string_literal: true

module TaskerCore
  # For monitoring systems: the figures of {TaskerCore.get_performance_metrics} as gauges, and in Prometheus's text format.
  #
  #   TaskerCore::Monitor.collect_metrics(statsd)     # every ten seconds, say
  module Monitor
    # Figures that have another name as a gauge. All gauges are called +tasker.+ and the figure's keys, joined by dots.
    NAMES = { "average_completion_time_ms" => "completion_time" }.freeze
    private_constant :NAMES

    class << self
      # Returns the figures, and sends each as a gauge, for instance +tasker.tasks_per_second+ or
      # +tasker.queue_wait_ms.p95+. A figure that is not known, for instance while the database is away, is not sent.
      #
      # @param sink [#gauge, nil] anything with +gauge(name, value)+
      # @return [Result] as {TaskerCore.get_performance_metrics}
      def collect_metrics(sink = nil)
        Native.refuse_type("sink", "an object with gauge(name, value)", sink) unless NilClass === sink || Native.responds_to?(sink, :gauge)
        metrics = TaskerCore.get_performance_metrics
        each_gauge(metrics.to_h) { |name, value| sink.gauge(name, value) } if sink
        metrics
      end

      # The figures of the process for a scraper, to be served as +text/plain; version=0.0.4+. They come from memory, at
      # once. The active tasks are counted in the background from the first call on, and are left out while they cannot
      # be counted.
      #
      # @return [String]
      def prometheus = Native.prometheus

      private

      def each_gauge(figures, prefix = "tasker", &block)
        figures.each do |key, value|
          name = "#{prefix}.#{NAMES.fetch(key, key)}"
          case value
          when Hash then each_gauge(value, name, &block)
          when Numeric then yield name, value
          end
        end
      end
    end
  end
end
