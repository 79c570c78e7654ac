# frozen_string_literal: true

module TaskerCore
  module Rails
    # The connection pools of the application's ActiveRecord, if it has one.
    #
    # @api private
    module ActiveRecordPools
      # From Rails 7.1 on, +clear_active_connections!+ and +connection_pool_list+ take all roles together.
      EACH_ROLE = Gem::Version.new("7.1")
      private_constant :EACH_ROLE

      class << self
        # Gives back the calling thread's connections. Rails' executor gives back only those that it knows to be in use. In
        # Rails 7.2, a thread that was refused one because its pool was exhausted would get none any more: there
        # +Base.connection+ answers nil until the thread's lease is given back.
        def release
          return unless defined?(::ActiveRecord::Base)

          handler = ::ActiveRecord::Base.connection_handler
          if all_roles_at_once? then handler.clear_active_connections!(:all)
          else handler.all_connection_pools.each(&:release_connection)
          end
        end

        # Warns once about each pool that has fewer connections than handlers may run at once.
        #
        # @param places [Integer] how many handlers may run at once
        def warn_of_small_ones(places)
          all.select { |pool| pool.size < places }.each do |pool|
            name = pool.db_config.name
            warn_once(name, "ActiveRecord's pool #{name} has #{pool.size} connections, and #{places} handlers run at once (max_parallel_steps): " \
                            "a handler that gets none fails. Let pool in config/database.yml be #{places} at least, and more where the process serves requests too")
          end
        end

        private

        def all
          return [] unless defined?(::ActiveRecord::Base)

          handler = ::ActiveRecord::Base.connection_handler
          all_roles_at_once? ? handler.connection_pool_list(:all) : handler.all_connection_pools
        end

        # Remembered, because each handler asks.
        def all_roles_at_once?
          @all_roles_at_once = ::ActiveRecord.gem_version >= EACH_ROLE if @all_roles_at_once.nil?
          @all_roles_at_once
        end

        def warn_once(name, text)
          return if (@told ||= {})[name]

          @told[name] = true
          Log.warn(text)
        end
      end
    end
  end
end
