# frozen_string_literal: true

module TaskerCore
  module CLI
    # The application whose handlers run: its settings, its logger, its code.
    #
    # @api private
    class Application
      RAILS = "config/environment.rb"
      private_constant :RAILS

      # The application cannot be loaded.
      class Broken < StandardError; end

      # @param options [Options]
      def initialize(options)
        @options = options
      end

      # Settings come first: the code may use the process's own coordinator as soon as it is loaded.
      def load
        prepare
        load_code
      end

      # Its settings, as far as they are no code.
      def prepare
        configure
        log
      end

      def load_code = paths.each { |path| load_file(path) }

      # @return [Boolean] whether it is one of Rails'
      def rails? = paths.any? { |path| path.end_with?(RAILS) }

      private

      # Sets variables, where the application finds the settings too.
      def configure
        ENV["TASKER_CONFIG"] = File.expand_path(@options.config) if @options.config
        return unless @options.environment

        %w[TASKER_ENV RAILS_ENV RACK_ENV].each { |name| ENV[name] = @options.environment }
      end

      def log
        level = @options.verbose? ? Logger::DEBUG : Logger::INFO
        format = log_format
        TaskerCore.logger = Logger.new(@options.log ? device(format) : $stderr, level: level, progname: "tasker", formatter: format)
      end

      def log_format
        JsonLog.for(@options.log_format || ENV["TASKER_LOG_FORMAT"])
      rescue ArgumentError => e
        raise Broken, "TASKER_LOG_FORMAT: #{e.message}"
      end

      # Ruby's logger begins a file with a line of its own, which is no JSON.
      def device(format) = format ? File.open(@options.log, "a").tap { |file| file.sync = true } : @options.log

      def paths
        return @options.requires.map { |path| File.directory?(path) ? File.join(path, RAILS) : path } unless @options.requires.empty?

        File.file?(RAILS) ? [RAILS] : []
      end

      def load_file(path)
        load_railtie(path) if path.end_with?(RAILS)
        require File.expand_path(path)
      rescue TaskerCore::Error
        raise
      rescue ScriptError, StandardError => e
        raise Broken, "cannot load #{path}: #{Log.text(e)} (#{Log.text(e.backtrace&.first)})"
      end

      # Our railtie was not loaded, because this library was loaded before Rails, and the application's Gemfile does not
      # load it a second time. The application's gems come first: they decide which Rails it is.
      def load_railtie(environment)
        boot = File.expand_path("../boot.rb", environment)
        require boot if File.file?(boot)
        require "rails"
        require "tasker_core/railtie"
      end
    end
  end
end
