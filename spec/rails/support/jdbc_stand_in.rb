# frozen_string_literal: true

require "active_record"
require_relative "../../support/test_database"

# An adapter of ActiveRecord's on a JDBC connection. activerecord-jdbc-adapter cannot be fetched where this is tested; in what these
# specs look at, this one does as versions 72.1 (Rails 7.2) and 61.3 (Rails 6.1) do: what it calls its raw connection has
# +jdbc_connection+, BEGIN is +setAutoCommit(false)+, and ActiveRecord's own pool, locks and lazy transactions are around it.
class JdbcStandIn < ActiveRecord::ConnectionAdapters::AbstractAdapter
  ADAPTER_NAME = "JdbcStandIn"

  # As the adapter's own class in Java.
  class Raw
    attr_reader :connection

    def initialize(url)
      uri = URI(url)
      properties = java.util.Properties.new
      properties["user"] = uri.user
      @connection = Java::OrgPostgresql::Driver.new.connect("jdbc:postgresql://#{uri.host}:#{uri.port}#{uri.path}", properties)
    end

    def jdbc_connection(_unwrap = false) = @connection

    def execute(sql)
      statement = @connection.create_statement
      statement.execute(sql) ? rows(statement.result_set) : []
    ensure
      statement&.close
    end

    private

    def rows(result)
      count = result.meta_data.column_count
      [].tap { |rows| rows << (1..count).map { |column| result.get_object(column) } while result.next }
    end
  end

  module Shared
    def active? = raw&.connection&.valid?(1) || false

    def begin_db_transaction = on_raw { |raw| raw.connection.auto_commit = false }

    def commit_db_transaction = end_transaction(&:commit)

    def exec_rollback_db_transaction = end_transaction(&:rollback)

    def supports_savepoints? = true

    def supports_lazy_transactions? = true

    def write_query?(sql) = !sql.match?(/\A\s*(SELECT|SHOW|SAVEPOINT|RELEASE|ROLLBACK)/i)

    def select_rows(sql, *) = internal_rows(sql)

    private

    def end_transaction
      on_raw do |raw|
        yield raw.connection
        raw.connection.auto_commit = true
      end
    end
  end

  if ActiveRecord.gem_version >= Gem::Version.new("7.1")
    include Shared

    def raw = @raw_connection

    def connect = @raw_connection = Raw.new(@config.fetch(:jdbc_url))

    def reconnect
      @raw_connection&.connection&.close
      connect
    end

    def disconnect!
      super
      @raw_connection&.connection&.close
      @raw_connection = nil
    end

    def materialized? = !@raw_connection_dirty

    private

    def on_raw(&block) = with_raw_connection(allow_retry: false, materialize_transactions: false, &block)

    def raw_execute(sql, name, async: false, allow_retry: false, materialize_transactions: true)
      log(sql, name, async: async) do
        with_raw_connection(allow_retry: allow_retry, materialize_transactions: materialize_transactions) { |raw| raw.execute(sql).tap { verified! } }
      end
    end

    def internal_rows(sql) = internal_execute(sql, "SQL")
  else
    include Shared

    def self.open(config) = new(Raw.new(config.fetch(:jdbc_url)), ActiveRecord::Base.logger, config)

    def raw = @connection

    def execute(sql, name = nil)
      materialize_transactions
      log(sql, name) { @connection.execute(sql) }
    end

    def reconnect!
      super
      @connection.connection.close
      @connection = Raw.new(@config.fetch(:jdbc_url))
    end

    def disconnect!
      super
      @connection.connection.close
    end

    private

    def on_raw = yield(@connection)

    def internal_rows(sql) = execute(sql)
  end
end

if ActiveRecord::ConnectionAdapters.respond_to?(:register)
  ActiveRecord::ConnectionAdapters.register("jdbc_stand_in", "JdbcStandIn", __FILE__)
else
  $LOADED_FEATURES << "active_record/connection_adapters/jdbc_stand_in_adapter.rb" # where Rails would look for it
  ActiveRecord::Base.define_singleton_method(:jdbc_stand_in_connection) { |config| JdbcStandIn.open(config) }
end
