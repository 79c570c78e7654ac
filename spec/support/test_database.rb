# frozen_string_literal: true

require "securerandom"
require "uri"

# Fresh, empty databases for the specs, on the server that bin/test names in TEST_DATABASE_URL, or else on one
# that is started for this run.
module TestDatabase
  @names = []

  class << self
    # @return [String] the URL of a new database, which is dropped after the run, or before by {.drop}
    def create
      name = "spec_#{SecureRandom.hex(8)}"
      execute("CREATE DATABASE #{name}")
      @names << name
      url_of(name)
    end

    def drop(url)
      name = URI(url).path.delete_prefix("/")
      execute("DROP DATABASE IF EXISTS #{name} WITH (FORCE)") if @names.delete(name)
    end

    # Empties the engine's tables under whoever works there, and lets ids begin anew, as test suites do between their examples.
    def empty(url)
      tables = execute("SELECT string_agg(format('tasker.%I', tablename), ', ') AS all FROM pg_tables " \
                       "WHERE schemaname = 'tasker'", url: url)
      execute("TRUNCATE #{tables.first['all']} RESTART IDENTITY CASCADE", url: url)
    end

    def drop_all = @names.dup.each { |name| drop(url_of(name)) }

    # A plain JDBC connection, for looking behind the core's back.
    #
    # @yieldparam connection [java.sql.Connection]
    def connect(url)
      uri = URI(url)
      properties = java.util.Properties.new
      properties["user"] = uri.user if uri.user
      properties["password"] = uri.password if uri.password
      connection = Java::OrgPostgresql::Driver.new.connect("jdbc:postgresql://#{uri.host}:#{uri.port || 5432}#{uri.path}", properties)
      yield connection
    ensure
      connection&.close
    end

    # @return [Array<Hash{String=>Object}>] the rows of a query; none for another statement
    def execute(sql, url: server_url)
      connect(url) do |connection|
        statement = connection.create_statement
        statement.execute(sql) ? rows(statement.result_set) : []
      end
    end

    private

    def rows(result)
      names = (1..result.meta_data.column_count).map { |column| result.meta_data.get_column_label(column) }
      [].tap { |rows| rows << names.to_h { |name| [name, result.get_object(name)] } while result.next }
    end

    def url_of(name) = URI(server_url).tap { |uri| uri.path = "/#{name}" }.to_s

    def server_url
      @server_url ||= ENV.fetch("TEST_DATABASE_URL") do
        require_relative "../../support/embedded_postgres"
        EmbeddedPostgres.start(durable: false).url
      end
    end
  end
end
