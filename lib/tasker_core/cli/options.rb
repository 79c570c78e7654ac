# frozen_string_literal: true

module TaskerCore
  module CLI
    # The options of the command line.
    #
    # @api private
    class Options
      # @return [Array<String>] files, or folders of Rails applications
      attr_reader :requires

      # @return [String, nil]
      attr_reader :config, :environment, :log, :log_format, :pid, :health_file

      # @return [Array<String>] of templates
      attr_reader :files

      # @return [Array<String>, nil] nil: as configured
      attr_reader :namespaces

      # @return [Array(String, Integer), nil] host, nil for all, and port
      attr_reader :health_port

      ADDRESS = /\A(?:(.+):)?(\d{1,5})\z/
      LAST_PORT = 65_535
      private_constant :ADDRESS, :LAST_PORT

      # @param command [String]
      def initialize(command)
        @command = command
        @requires = []
        @parser = OptionParser.new("Usage: tasker #{command} [OPTIONS]#{' FILE...' if check?}\n\n", 28)
        check? ? define_check : define_common
        define_work if command == "work"
        define_general
      end

      # @param arguments [Array<String>]
      # @raise [OptionParser::ParseError]
      def parse(arguments)
        rest = @parser.parse(arguments)
        @files = check? ? rest : []
        raise OptionParser::MissingArgument, "FILE" if check? && rest.empty? && !help_wanted?
        raise OptionParser::NeedlessArgument, rest.join(" ") unless rest.empty? || check?
      end

      def verbose? = @verbose

      def help_wanted? = @help_wanted

      # @return [String]
      def help = "#{@parser.help}\n#{NOTES.fetch(@command)}"

      NOTES = {
        "migrate" => <<~TEXT,
          Several processes may do this at once. The database is configured as for the application: DATABASE_URL, config/tasker_core.yml
          or what --config names.

          Exit codes: 0 done, 1 error, 2 called wrongly.
        TEXT
        "check" => <<~TEXT,
          Each FILE is checked as register_template does, and each thing that is wrong is a line. What is registered already is not
          looked at: a version whose content has changed is refused only when it is registered.

          Exit codes: 0 all is right, 1 something is wrong, 2 called wrongly.
        TEXT
        "work" => <<~TEXT
          Settings come from config/tasker_core.yml, or what --config or TASKER_CONFIG names, and from environment variables
          (DATABASE_URL, TASKER_MAX_PARALLEL_STEPS, TASKER_SHUTDOWN_TIMEOUT_MS and so on).

          Signals:
            TERM, INT,  take no more, let what runs come to its end (for shutdown_timeout_ms; then it is interrupted), and leave
            HUP
            INT again   interrupt what still runs, now
            TSTP        take no more, and go on running what was taken
            QUIT        the JVM writes what all threads do

          /live is 200 while the process answers. /health is 200 while the status is ok or degraded, 503 while it is down; the body
          is JSON. /metrics is for Prometheus. Nothing of these waits for the database.

          Exit codes: 0 stopped, and every handler came to its end; 1 error; 2 called wrongly; 3 stopped, handlers were interrupted;
          4 the same, and some did not heed that.
        TEXT
      }.freeze
      private_constant :NOTES

      private

      def define_common
        @parser.on("-r", "--require PATH", "the application: a file, or the folder of a Rails application;",
                   "may be given more than once; this folder, if it is one") { |path| @requires << path }
        @parser.on("-C", "--config FILE", "the file with the settings") { |file| @config = file }
        @parser.on("-e", "--environment NAME", "of the settings, the templates and Rails") { |name| @environment = name }
      end

      def check? = @command == "check"

      def define_check
        @parser.on("-e", "--environment NAME", "which environments of the templates are applied (development)") { |name| @environment = name }
      end

      def define_work
        @parser.on("-n", "--namespaces A,B", Array, "runs only the steps of these") { |names| @namespaces = names }
        @parser.on("-l", "--log FILE", "where to log, instead of standard error") { |file| @log = file }
        @parser.on("--log-format FORMAT", JsonLog::FORMATS, "#{JsonLog::FORMATS.join(' or ')}: a JSON object for each line (TASKER_LOG_FORMAT)") do |format|
          @log_format = format
        end
        @parser.on("-P", "--pid FILE", "holds the process id while it runs") { |file| @pid = file }
        @parser.on("-p", "--health-port [HOST:]PORT", ADDRESS, "answers GET /live, /health and /metrics over HTTP there") do |_, host, port|
          @health_port = address(host, port)
        end
        @parser.on("--health-file FILE", "touched every #{HealthWatch::SECONDS} s while all is well enough") { |file| @health_file = file }
      end

      def address(host, port)
        raise OptionParser::InvalidArgument, port unless port.to_i <= LAST_PORT

        [host, port.to_i]
      end

      def define_general
        @parser.on("--verbose", "logs for debugging") { @verbose = true }
        @parser.on("-h", "--help") { @help_wanted = true }
      end
    end
  end
end
