# frozen_string_literal: true

require "delegate"

module TaskerCore
  module Rails
    # Leaves the schema +tasker+ out of +db/schema.rb+. From 7.1 on Rails writes <tt>create_schema "tasker"</tt> there, but
    # nothing of the schema's content. Loading that would fail if the schema already exists.
    #
    # @api private
    module SchemaDump
      # The connection that Rails' dumper for PostgreSQL asks for the schemas, without ours.
      class OtherSchemas < SimpleDelegator
        def schema_names = super - ["tasker"]
      end
      private_constant :OtherSchemas

      # Takes effect once ActiveRecord is loaded.
      def self.watch
        ActiveSupport.on_load(:active_record) do
          require "active_record/connection_adapters/postgresql/schema_dumper"
          ActiveRecord::ConnectionAdapters::PostgreSQL::SchemaDumper.prepend(SchemaDump)
        end
      end

      private

      def schemas(stream)
        connection = @connection
        @connection = OtherSchemas.new(connection)
        super
      ensure
        @connection = connection
      end
    end
  end
end
