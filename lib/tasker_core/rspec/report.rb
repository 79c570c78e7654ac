# frozen_string_literal: true

module TaskerCore
  module RSpec
    # A task as text, for the messages of failed examples: what came of each step, and why it went no further.
    #
    # @api private
    class Report
      MARKS = { "complete" => "✓", "resolved_manually" => "✓", "skipped" => "✓", "error" => "✗", "cancelled" => "✗" }.freeze
      MOST_LINES_OF_BACKTRACE = 3
      MOST_CHARACTERS = 200
      LIBRARY = File.expand_path("..", __dir__)
      private_constant :LIBRARY, :MARKS, :MOST_LINES_OF_BACKTRACE, :MOST_CHARACTERS

      # @param run [WorkflowRun]
      # @return [String]
      def self.of(run) = new(run).text

      def initialize(run)
        @task = run.context
        @explained = run.explanation["steps"].to_h { |step| [step["name"], step] }
      end

      def text = [headline, *@task["steps"].flat_map { |step| lines(step) }].join("\n")

      private

      def headline
        "task #{@task['task_id']}, #{@task['namespace']}/#{@task['name']} #{@task['version']}: #{@task['status']} " \
          "(#{@task['execution_status']}), #{@task['completed_steps']} of #{@task['total_steps']} steps complete"
      end

      def lines(step)
        line = format("  %s %-#{width}s  %-17s  %s", MARKS.fetch(step["state"], "·"), step["name"], step["state"], note(step)).rstrip
        [line, *error_lines(step["error"])]
      end

      def width = @width ||= @task["steps"].map { |step| step["name"].size }.max

      def note(step)
        [attempts(step), result(step), explanation(step)].compact.join("  ")
      end

      def attempts(step) = step["attempts"].zero? ? nil : "attempt #{step['attempts']} of #{step['max_attempts']}"

      def result(step) = step["result"] && cut(step["result"].inspect)

      def explanation(step) = @explained.dig(step["name"], "detail")

      def error_lines(error)
        return [] unless error

        code = error["error_code"] && " (#{error['error_code']})"
        finality = error["retryable"] ? "" : ", for good"
        ["      #{error['class']}#{code}#{finality}: #{cut(error['message'])}", *own(error["backtrace"]).map { |line| "        #{line}" }]
      end

      # The application's lines; other lines only if it has none.
      def own(backtrace)
        backtrace ||= []
        own = backtrace.reject { |line| foreign?(line) }
        (own.empty? ? backtrace : own).first(MOST_LINES_OF_BACKTRACE)
      end

      def foreign?(line)
        line.include?(".java:") || line.start_with?(LIBRARY) || ::RSpec.configuration.backtrace_formatter.exclude?(line)
      end

      def cut(text) = text.size > MOST_CHARACTERS ? "#{text[0, MOST_CHARACTERS]}…" : text
    end
  end
end
