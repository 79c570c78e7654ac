# frozen_string_literal: true

require "pathname"

module TaskerCore
  module RSpec
    # Where workflows run in examples, and which templates they know.
    class Settings
      # The files, below the application's root, whose templates are known unless {#templates=} names others.
      TEMPLATES = "config/tasks/**/*.{yml,yaml}"

      # How long the end of an example waits for handlers that still run, in milliseconds, before they are interrupted.
      SHUTDOWN_TIMEOUT_MS = 1_000
      private_constant :SHUTDOWN_TIMEOUT_MS

      # @return [Hash] settings of examples' coordinators, over those of {Configuration.load}; see docs/manual.md
      attr_accessor :config

      # The database, if it is another than the configured one. Its schema is created if need be.
      #
      # @return [String, nil]
      attr_accessor :database_url

      # @param value [Array<String, Pathname, Hash>] files, or templates; an example registers those that it asks
      #   for
      attr_writer :templates

      def initialize
        @config = {}
      end

      # @return [Array<String, Pathname, Hash>]
      def templates = @templates || application_templates

      # The settings of a coordinator. A pooler would pass a test's clock on to others, so none is used. The environment
      # is +test+, unless +TASKER_ENV+ says otherwise.
      #
      # @api private
      # @return [Hash{String => Object}]
      def coordinator_config
        given = Configuration.given(root: root, env: { "TASKER_ENV" => "test" }.merge(ENV.to_h))
        own = config.transform_keys(&:to_s)
        own["database_url"] = database_url if database_url
        { "shutdown_timeout_ms" => SHUTDOWN_TIMEOUT_MS }.merge(given, own, "auto_migrate" => true, "connection_mode" => "direct")
      end

      private

      def application_templates
        defined?(TaskerCore::Railtie) && ::Rails.application ? Railtie.templates.files : Dir[File.join(root, TEMPLATES)].sort
      end

      def root = defined?(::Rails.root) && ::Rails.root ? ::Rails.root.to_s : Dir.pwd
    end
  end
end
