# frozen_string_literal: true

require "delegate"

module TaskerCore
  module Rails
    # Leaves the schema +tasker+ out of +db/schema.rb+. Rails writes <tt>create_schema "tasker"</tt> there from 7.1 on, and nothing of what
    # is in it; loading that would fail wherever the schema is there already.
    #
    # @api private
    module SchemaDump
      # What Rails' dumper for PostgreSQL asks for the schemas.
      class OtherSchemas < SimpleDelegator
        def schema_names = super - ["tasker"]
      end
      private_constant :OtherSchemas

      # Once ActiveRecord is there.
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
