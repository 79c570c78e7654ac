# frozen_string_literal: true

require_relative "active_record_connection"

module TaskerCore
  # Finds the JDBC connection inside the object that the application calls its connection, so that tasks can be created
  # in its transaction.
  #
  # @api private
  module CallersConnection
    EXPECTED = "a java.sql.Connection, or an object that holds one: ActiveRecord's connection, Sequel's Database"

    # An object that holds a connection by way of its adapter takes two steps.
    MOST_STEPS = 3
    private_constant :EXPECTED, :MOST_STEPS

    class << self
      # @param holder [Object, nil]
      # @yieldparam connection [java.sql.Connection, nil] to be used within the block only
      # @return what the block returns
      # @raise [InvalidTypeError]
      def open(holder, &block)
        case holder
        when nil, java.sql.Connection then yield holder
        else open_holder(holder, &block)
        end
      end

      private

      def open_holder(holder, &block)
        return ActiveRecordConnection.open(holder) { |raw| inner(raw, holder, &block) } if ActiveRecordConnection.of?(holder)
        return synchronized(holder, &block) if Native.responds_to?(holder, :synchronize, :in_transaction?)

        inner(holder, holder, &block)
      end

      def inner(raw, holder)
        yield jdbc?(connection = held(raw)) ? connection : refuse(holder)
      end

      # Sequel: the thread's connection, which inside a transaction is the transaction's.
      def synchronized(database)
        database.synchronize { |connection| yield jdbc?(connection) ? connection : refuse(database) }
      end

      def held(holder)
        MOST_STEPS.times.inject(holder) { |inner, _| jdbc?(inner) ? inner : inside(inner) }
      end

      # Libraries other than ActiveRecord may have its interface. What its adapter for JDBC calls the raw connection has
      # +jdbc_connection+.
      def inside(holder)
        if Native.responds_to?(holder, :raw_connection) then holder.raw_connection
        elsif Native.responds_to?(holder, :jdbc_connection) then holder.jdbc_connection(true)
        elsif Native.responds_to?(holder, :connection) then holder.connection
        else holder
        end
      end

      def jdbc?(connection) = java.sql.Connection === connection

      def refuse(holder) = Native.refuse_type("connection", EXPECTED, holder)
    end
  end
end
