# frozen_string_literal: true

module TaskerCore
  # The raw connection inside ActiveRecord's, obtained in ActiveRecord's own way: under its lock, and after a transaction
  # that was only announced so far has begun. The connection stays as lazy, and as able to reconnect, as it was; after
  # +raw_connection+ it would not.
  #
  # @api private
  class ActiveRecordConnection
    # PostgreSQL's codes of conflicts after which the whole transaction should be tried again, and ActiveRecord's errors
    # for them.
    CONFLICTS = { "40001" => :SerializationFailure, "40P01" => :Deadlocked }.freeze
    private_constant :CONFLICTS

    class << self
      # @param holder [Object]
      # @return [Boolean] whether it is a connection of ActiveRecord, or a model class
      def of?(holder) = connection?(holder) || model?(holder)

      # @param holder [ActiveRecord::ConnectionAdapters::AbstractAdapter, Class]
      # @yieldparam raw [Object] what the adapter calls its raw connection; to be used within the block only
      # @return what the block returns
      # @raise [ActiveRecord::ReadOnlyError] if ActiveRecord prevents writes
      # @raise [ActiveRecord::SerializationFailure, ActiveRecord::Deadlocked] whose cause is our {DatabaseError}
      def open(holder, &block)
        return new(holder).open(&block) if connection?(holder)
        return new(holder.connection).open(&block) unless holder.respond_to?(:with_connection) # before Rails 7.2

        holder.with_connection { |connection| new(connection).open(&block) }
      end

      private

      def connection?(holder)
        defined?(::ActiveRecord::ConnectionAdapters::AbstractAdapter) ? ::ActiveRecord::ConnectionAdapters::AbstractAdapter === holder : false
      end

      def model?(holder) = Class === holder && defined?(::ActiveRecord::Base) ? holder <= ::ActiveRecord::Base : false
    end

    def initialize(connection)
      @connection = connection
    end

    def open(&block)
      refuse_writes if @connection.preventing_writes?
      # ActiveRecord would mistake our errors for its driver's, so they leave its block as values.
      answer, failure = with_raw { |raw| outcome(raw, &block) }
      raise failure if failure

      answer
    rescue DatabaseError => e
      raise CONFLICTS.key?(e.sql_state) ? ::ActiveRecord.const_get(CONFLICTS[e.sql_state]).new(e.message) : e
    end

    private

    def refuse_writes
      raise ::ActiveRecord::ReadOnlyError, "Write query attempted while in readonly mode: tasks cannot be created on this connection"
    end

    def outcome(raw)
      [yield(raw), nil]
    rescue StandardError => e
      [nil, e]
    end

    def with_raw(&block)
      return @connection.send(:with_raw_connection, &block) if @connection.respond_to?(:with_raw_connection, true) # from Rails 7.1 on

      @connection.lock.synchronize do
        @connection.materialize_transactions
        yield @connection.instance_variable_get(:@connection)
      end
    end
  end
end
