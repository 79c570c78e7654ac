# frozen_string_literal: true

require "erb"

module TaskerCore
  module Rails
    # The settings that a Rails application makes in +config.tasker_core+, and in its +config/database.yml+.
    #
    # @api private
    class Settings
      # These keys are the Railtie's own; the others are the core's.
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

      # The URL of ActiveRecord's database, if that is PostgreSQL.
      def database_url
        return unless defined?(::ActiveRecord::Base)

        first = ::ActiveRecord::Base.configurations.find_db_config(::Rails.env.to_s) # the one that ActiveRecord itself connects to
        first && url_of(first.configuration_hash.transform_keys(&:to_s))
      end

      def url_of(settings)
        return unless ADAPTERS.include?(settings["adapter"])
        return with_credentials(settings["url"], settings) if settings["url"]

        host, port, database = place(settings)
        return if database.nil? || socket?(host)

        ssl = sslmode(settings)
        "postgresql://#{credentials(settings)}#{bracketed(host)}:#{port}/#{escaped(database)}#{"?sslmode=#{ssl}" if ssl}"
      end

      # Looks where ActiveRecord's adapter for JDBC looks: under several names, then in PostgreSQL's environment variables.
      def place(settings)
        host = settings["host"] || settings["hostaddr"] || ENV["PGHOST"] || "localhost"
        [host.to_s, settings["port"] || ENV["PGPORT"] || 5432, settings["database"] || settings["dbname"] || ENV["PGDATABASE"]]
      end

      def sslmode(settings)
        return settings["sslmode"] if settings["sslmode"]

        settings["requiressl"] ? "require" : ENV["PGSSLMODE"]
      end

      # Java's driver cannot use socket files: such a database must be given by an address.
      def socket?(host) = host.start_with?("/", "@")

      def bracketed(host) = host.include?(":") && !host.start_with?("[") ? "[#{host}]" : host

      # ActiveRecord takes other URLs apart. A URL in the driver's own form gets the username and password that stand
      # beside it.
      def with_credentials(url, settings)
        return url if url.match?(%r{//[^/?]*@})

        missing = { "user" => settings["username"], "password" => settings["password"] }.reject { |name, value| value.nil? || url.match?(/[?&]#{name}=/) }
        missing.reduce(url) { |known, (name, value)| "#{known}#{known.include?('?') ? '&' : '?'}#{name}=#{escaped(value)}" }
      end

      def credentials(settings)
        password = settings.key?("password") ? settings["password"] : ENV["PGPASSWORD"]
        user = settings["username"] || settings["user"] || ENV["PGUSER"] || (password && ENV_JAVA["user.name"])
        "#{[user, password].compact.map { |part| escaped(part) }.join(':')}@" if user
      end

      def escaped(text) = ERB::Util.url_encode(text.to_s)
    end
  end
end
