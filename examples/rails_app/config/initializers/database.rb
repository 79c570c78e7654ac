# frozen_string_literal: true

require "uri"

module Shop
  # The shop's own tables. An application with ActiveRecord has its connection here instead: to both, tasks can be added in the
  # transaction that is under way.
  #
  # @return [Sequel::Database]
  def self.database
    DATABASE_LOCK.synchronize { @database ||= connect }
  end

  DATABASE_LOCK = Mutex.new
  private_constant :DATABASE_LOCK

  class << self
    private

    def connect
      database = Sequel.connect(jdbc_url(URI(ENV.fetch("DATABASE_URL"))), max_connections: Integer(ENV.fetch("RAILS_MAX_THREADS", 5)) + 10)
      create_orders(database)
      at_exit { database.disconnect }
      database
    end

    def jdbc_url(url)
      login = { user: url.user, password: url.password }.compact
      "jdbc:postgresql://#{url.host}:#{url.port || 5432}#{url.path}?#{URI.encode_www_form(login)}"
    end

    # Processes that start at the same time do so one after the other.
    def create_orders(database)
      database.transaction do
        database.run("SELECT pg_advisory_xact_lock(7467)")
        database.create_table?(:orders) do
          primary_key :id, type: :bigint
          String :customer, null: false
          String :item, null: false
          Integer :quantity, null: false
          String :state, null: false, default: "placed"
          Bignum :task_id
          DateTime :placed_at, null: false, default: Sequel::CURRENT_TIMESTAMP
        end
      end
    end
  end
end
