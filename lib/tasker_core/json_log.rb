# frozen_string_literal: true

require "json"
require "logger"
require "time"

module TaskerCore
  # Makes each line of a log one JSON object, for programs that collect logs.
  #
  #   TaskerCore.logger = Logger.new($stdout, formatter: TaskerCore::JsonLog.new)
  #
  # +tasker work --log-format json+ does so, and +TASKER_LOG_FORMAT=json+ for the logger that is there where none is set. The keys are
  # +time+ (UTC, with milliseconds), +level, program, pid, message+; and what a message is about, where it says so: +task_id, step_id,
  # step_name, attempt, correlation_id+.
  class JsonLog < ::Logger::Formatter
    # What a formatter is called in +TASKER_LOG_FORMAT+ and on the command line.
    FORMATS = %w[text json].freeze

    ABOUT_A_STEP = /\A\[task (\d+) step (\d+) (.+?) attempt (\d+) correlation (\S+)\] /
    ABOUT_A_TASK = /\A\[task (\d+)[^\]]*\] /
    private_constant :ABOUT_A_STEP, :ABOUT_A_TASK

    class << self
      # @param format [String, nil] +text+, +json+; nil or blank: +text+
      # @return [JsonLog, nil] nil for +text+: the logger's own
      # @raise [ArgumentError]
      def for(format)
        name = format.to_s.strip
        return if name.empty? || name == "text"
        raise ArgumentError, "the format of a log is #{FORMATS.join(' or ')}, not #{name}" unless name == "json"

        new
      end
    end

    # @return [String] a line
    def call(severity, time, program, message)
      text = Log.text(message)
      line = { "time" => time.getutc.iso8601(3), "level" => severity.downcase, "program" => program, "pid" => ::Process.pid, "message" => text }
      "#{JSON.generate(line.merge(subject(text)).compact)}\n"
    end

    private

    def subject(text)
      if (step = ABOUT_A_STEP.match(text))
        { "task_id" => step[1].to_i, "step_id" => step[2].to_i, "step_name" => step[3], "attempt" => step[4].to_i, "correlation_id" => step[5] }
      elsif (task = ABOUT_A_TASK.match(text))
        { "task_id" => task[1].to_i }
      else
        {}
      end
    end
  end
end
