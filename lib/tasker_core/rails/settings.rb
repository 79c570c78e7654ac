# frozen_string_literal: true

require "erb"

module TaskerCore
  module Rails
    # What a Rails application says in +config.tasker_core+, and in its +config/database.yml+.
    #
    # @api private
    class Settings
      # These are the Railtie's own; the others are the core's.
      OWN = %w[embedded_worker].freeze
      private_constant :OWN

      # ActiveRecord's names of PostgreSQL.
      ADAPTERS = %w[postgresql postgis jdbcpostgresql jdbcpostgis].freeze
      private_constant :ADAPTERS

      # @param app [Rails::Application]
      def initialize(app)
        @app = app
      end

      # @return [Hash{String => Object}]
      def application = @app.config.tasker_core.to_h.transform_keys(&:to_s).except(*OWN)

      # @return [Hash{String => Object}]
      def fallback = { "environment" => ::Rails.env.to_s, "database_url" => database_url }.compact

      # @return [Boolean]
      def embedded_worker? = @app.config.tasker_core.embedded_worker ? true : false

      private

      # ActiveRecord's, if it has one in PostgreSQL.
      def database_url
        return unless defined?(::ActiveRecord::Base)

        primary = ::ActiveRecord::Base.configurations.configs_for(env_name: ::Rails.env.to_s, name: "primary")
        primary && url_of(primary.configuration_hash.transform_keys(&:to_s))
      end

      def url_of(settings)
        return unless ADAPTERS.include?(settings["adapter"])
        return settings["url"] if settings["url"]
        return unless settings["database"]

        place = "#{settings['host'] || 'localhost'}:#{settings['port'] || 5432}/#{escaped(settings['database'])}"
        "postgresql://#{credentials(settings)}#{place}#{"?sslmode=#{settings['sslmode']}" if settings['sslmode']}"
      end

      def credentials(settings)
        user, password = settings.values_at("username", "password").map { |part| part && escaped(part) }
        "#{[user, password].compact.join(':')}@" if user
      end

      def escaped(text) = ERB::Util.url_encode(text.to_s)
    end
  end
end
