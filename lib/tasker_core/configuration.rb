# frozen_string_literal: true

require "pathname"

module TaskerCore
  # Where the settings come from if {TaskerCore.create_coordinator} is not given them. The core decides what they mean,
  # and also checks them: see {.keys}.
  module Configuration
    # The file, below the application's root.
    FILE = "config/tasker_core.yml"

    # Names another file, which must exist.
    FILE_VARIABLE = "TASKER_CONFIG"

    # These variables name the environment if TASKER_ENV does not.
    ENVIRONMENT_VARIABLES = %w[RAILS_ENV RACK_ENV].freeze
    private_constant :ENVIRONMENT_VARIABLES

    class << self
      # All settings, weakest first: the defaults, the file's part for the environment, environment variables, and what
      # the application sets in its code, as Rails' +config.tasker_core+ does. A key is absent if it has no default and
      # nobody set it, or only to nil or blank.
      #
      # @param root [String, Pathname] the application's root
      # @param env [ENV, Hash{String => String}] the environment variables
      # @return [Hash{String => Object}]
      # @raise [ConfigurationError]
      def load(root: default_root, env: ENV)
        defaults = keys.to_h { |key| [key["key"], key["default"]] }.compact
        defaults.merge(given(root: root, env: env))
      end

      # The same without the defaults.
      #
      # @api private
      def given(root: default_root, env: ENV)
        env = ours_in(env)
        from_application, from_env, last_resort = [application, load_from_env(env), fallback].map { |settings| made(settings) }
        said = [from_application, from_env, last_resort].filter_map { |settings| settings["environment"] }.first
        environment = said || default_environment(env)
        from_file = made(load_file(file(root, env), environment))
        { **last_resort, "environment" => environment }.merge(from_file, from_env, from_application)
      end

      # The settings that the application makes in its code. They override all others.
      #
      # @return [Hash{String => Object}]
      def application = called(@application)

      # @param value [Hash, #call, nil] if it can be called, it is called each time the configuration is loaded
      attr_writer :application

      # Settings for keys that nobody has set.
      #
      # @return [Hash{String => Object}]
      # @api private
      def fallback = called(@fallback)

      # @api private
      attr_writer :fallback

      # The settings that environment variables make.
      #
      # @param env [ENV, Hash{String => String}]
      # @return [Hash{String => Object}]
      # @raise [ConfigurationError] naming the variable
      def load_from_env(env = ENV)
        Native.read_environment(ours_in(env).slice(*variables))
      end

      # Every setting there is.
      #
      # @return [Array<Hash>] +key, env, type, min, max, default, reconfigurable, doc+ of each
      def keys = Native.configuration_keys

      # {.load}, but for another database.
      #
      # @api private
      def load_for(database_url)
        case database_url
        when NilClass then load
        when String then load.merge("database_url" => database_url)
        else Native.refuse_type("database_url", "a String or nil", database_url)
        end
      end

      private

      # Drops values that are nil or blank, as <tt>database_url: <%= ENV["X"] %></tt> is if there is no X: they say
      # nothing.
      def made(settings) = settings.reject { |_, value| value.nil? || (value.is_a?(String) && value.strip.empty?) }

      def called(settings) = (settings.respond_to?(:call) ? settings.call : settings).to_h.transform_keys(&:to_s)

      def variables = keys.flat_map { |key| key["env"] }

      # The variables that are read here.
      def ours_in(env)
        Native.refuse_type("env", "ENV or a Hash", env) unless ENV.equal?(env) || Hash === env
        [*variables, FILE_VARIABLE, *ENVIRONMENT_VARIABLES].to_h { |name| [name, env[name]] }.compact
      rescue StandardError => e
        raise if e.is_a?(Error)

        Native.refuse_configuration("the environment variables cannot be read: #{e.message}")
      end

      def default_root = defined?(::Rails.root) && ::Rails.root || Dir.pwd

      def default_environment(env) = made(env).values_at(*ENVIRONMENT_VARIABLES).compact.first || "development"

      # Nil if there is no file.
      def file(root, env)
        named = env[FILE_VARIABLE].to_s
        path = named.empty? ? below(root) : Pathname(named)
        path if path.file? || !named.empty?
      end

      def below(root)
        case root
        when String, Pathname then Pathname(root.to_s) + FILE
        else Native.refuse_type("root", "a String or Pathname", root)
        end
      rescue StandardError => e # a NUL in the root, for instance
        raise if e.is_a?(Error)

        Native.refuse_configuration("root is no folder: #{e.message}")
      end

      def load_file(path, environment)
        return {} if path.nil?

        require "erb" # loaded only here: these two take as long to load as this library
        require_relative "yaml_text"
        settings = YamlText.read(ERB.new(path.read).result, filename: path.to_s, one: "configuration")
        part = mapping(mapping(settings, path)[environment], "#{environment} in #{path}")
        part.transform_keys(&:to_s)
      rescue StandardError, ScriptError => e # the ERB in the file may raise anything
        raise if e.is_a?(Error)

        Native.refuse_configuration("cannot read #{path}: #{e.message}")
      end

      def mapping(value, name)
        return {} if value.nil?

        value.is_a?(Hash) ? value : Native.refuse_configuration("#{name} must be a mapping of keys and values")
      end
    end
  end
end
