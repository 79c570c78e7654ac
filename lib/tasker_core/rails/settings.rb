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

        first = ::ActiveRecord::Base.configurations.find_db_config(::Rails.env.to_s) # to which ActiveRecord itself connects
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

      # As ActiveRecord's adapter for JDBC finds them: by several names, then by PostgreSQL's own environment variables.
      def place(settings)
        host = settings["host"] || settings["hostaddr"] || ENV["PGHOST"] || "localhost"
        [host.to_s, settings["port"] || ENV["PGPORT"] || 5432, settings["database"] || settings["dbname"] || ENV["PGDATABASE"]]
      end

      def sslmode(settings)
        return settings["sslmode"] if settings["sslmode"]

        settings["requiressl"] ? "require" : ENV["PGSSLMODE"]
      end

      # Java's driver knows no sockets in files: such a database has to be named by an address.
      def socket?(host) = host.start_with?("/", "@")

      def bracketed(host) = host.include?(":") && !host.start_with?("[") ? "[#{host}]" : host

      # ActiveRecord takes those of other URLs apart; to the driver's own belong a username and a password beside it.
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
