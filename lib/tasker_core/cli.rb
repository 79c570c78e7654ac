# frozen_string_literal: true

require "optparse"
require_relative "../tasker_core"
require_relative "cli/options"
require_relative "cli/application"
require_relative "cli/check"
require_relative "cli/health_file"
require_relative "cli/health_port"
require_relative "cli/health_watch"
require_relative "cli/pid_file"
require_relative "cli/migrate"
require_relative "cli/work"

module TaskerCore
  # The command +tasker+: a process to deploy, and the schema it needs.
  #
  # Its exit codes: 0, all went well; 1, an error, which was reported on standard error; 2, it was called wrongly; 3, it
  # was stopped and handlers had to be interrupted, whose steps were given back and run again; 4, the same, and some
  # handlers ignored the interrupt.
  module CLI
    # All went well.
    OK = 0
    # An error, told on standard error.
    ERROR = 1
    # It was called wrongly.
    USAGE = 2
    # Stopped, and handlers had to be interrupted.
    INTERRUPTED = 3
    # The same, and some handlers ignored it.
    DEAF = 4

    COMMANDS = { "work" => Work, "migrate" => Migrate, "check" => Check }.freeze
    private_constant :COMMANDS

    USAGE_TEXT = <<~TEXT
      Usage: tasker COMMAND [OPTIONS]

        tasker work       works through tasks until it is told to stop
        tasker migrate    creates the schema tasker in the database, or upgrades it
        tasker check      tells what is wrong with templates; needs no database
        tasker --version

      tasker COMMAND --help tells the options.
    TEXT
    private_constant :USAGE_TEXT

    class << self
      # @param arguments [Array<String>]
      # @return [Integer] the exit code
      def run(arguments, out: $stdout, err: $stderr)
        command, *rest = arguments
        case command
        when "--help", "-h", "help" then say(out, USAGE_TEXT)
        when "--version", "-v" then say(out, "tasker #{VERSION}")
        when *COMMANDS.keys then run_command(COMMANDS.fetch(command), Options.new(command), rest, out)
        else
          complain(err, "tasker: #{command ? "there is no command #{command}" : 'what is it to do?'}", USAGE_TEXT)
          USAGE
        end
      rescue OptionParser::ParseError => e
        complain(err, "tasker: #{e.message}", "tasker #{command} --help tells the options.")
        USAGE
      rescue Error, Application::Broken, SystemCallError, IOError => e
        complain(err, "tasker: #{e.message}")
        ERROR
      end

      # Ends the process. Ruby would wait for its threads. If handlers ignore their interrupt, that might take for ever.
      # Then the process is halted, and nothing runs that was to run at exit.
      #
      # @param status [Integer] the exit code
      def leave(status)
        exit(status) unless status == DEAF
        [$stdout, $stderr].each { |stream| Log.unharmed { stream.flush } }
        java.lang.Runtime.runtime.halt(status)
      end

      private

      def run_command(command, options, arguments, out)
        options.parse(arguments)
        return say(out, options.help) if options.help_wanted?

        command.new(options, out).run
      end

      # If nobody can be told, the exit code tells.
      def complain(err, *lines) = Log.unharmed { err.puts(*lines) }

      def say(out, text)
        out.puts(text)
        OK
      end
    end
  end
end
