# frozen_string_literal: true

require "erb"
require "pathname"
require "yaml"

module TaskerCore
  # Where the settings come from when {TaskerCore.create_coordinator} is not told. What they mean is the core's business, which
  # also checks them: see {.keys}.
  module Configuration
    # The file, below the application's root.
    FILE = "config/tasker_core.yml"

    # Names another file, which must be there.
    FILE_VARIABLE = "TASKER_CONFIG"

    class << self
      # All settings that were made, weakest first: the file's part for the environment, environment variables, and what the
      # application sets in its code, as Rails' +config.tasker_core+ does. Keys that nobody set are not there.
      #
      # @param root [String, Pathname] the application's root
      # @param env [#to_h] the environment variables
      # @return [Hash{String => Object}]
      # @raise [ConfigurationError]
      def load(root: default_root, env: ENV)
        from_env = load_from_env(env)
        from_application = application
        environment = from_application["environment"] || from_env["environment"] || default_environment(env)
        { **fallback, "environment" => environment }.merge(load_file(file(root, env), environment), from_env, from_application)
      end

      # The settings that the application makes in its code, over all others.
      #
      # @return [Hash{String => Object}]
      def application = called(@application)

      # @param settings [Hash, #call, nil] asked each time the configuration is loaded if it can be called
      attr_writer :application

      # Settings for what nobody has set.
      #
      # @return [Hash{String => Object}]
      # @api private
      def fallback = called(@fallback)

      # @api private
      attr_writer :fallback

      # The settings that environment variables make.
      #
      # @param env [#to_h]
      # @return [Hash{String => Object}]
      # @raise [ConfigurationError] naming the variable
      def load_from_env(env = ENV)
        Native.read_environment(env.to_h.slice(*variables))
      end

      # Every setting there is.
      #
      # @return [Array<Hash>] +key, env, type, min, max, default, reconfigurable, doc+ of each
      def keys = Native.configuration_keys

      # {.load}, on another database.
      #
      # @api private
      def load_for(database_url)
        return load if database_url.nil?

        Native.refuse_type("database_url", "a String or nil", database_url) unless database_url.is_a?(String)
        load.merge("database_url" => database_url)
      end

      private

      def called(settings) = (settings.respond_to?(:call) ? settings.call : settings).to_h.transform_keys(&:to_s)

      def variables = keys.flat_map { |key| key["env"] }

      def default_root = defined?(::Rails.root) && ::Rails.root || Dir.pwd

      def default_environment(env) = env["RAILS_ENV"] || env["RACK_ENV"] || "development"

      # Nil where there is none.
      def file(root, env)
        named = env[FILE_VARIABLE].to_s
        path = named.empty? ? Pathname(root) + FILE : Pathname(named)
        path if path.file? || !named.empty?
      end

      def load_file(path, environment)
        return {} if path.nil?

        settings = YAML.safe_load(ERB.new(path.read).result, aliases: true, filename: path.to_s)
        part = mapping(mapping(settings, path)[environment], "#{environment} in #{path}")
        part.transform_keys(&:to_s)
      rescue Psych::Exception, SystemCallError => e
        Native.refuse_configuration("cannot read #{path}: #{e.message}")
      end

      def mapping(value, name)
        return {} if value.nil?

        value.is_a?(Hash) ? value : Native.refuse_configuration("#{name} must be a mapping of keys and values")
      end
    end
  end
end
