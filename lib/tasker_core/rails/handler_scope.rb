# frozen_string_literal: true

module TaskerCore
  module Rails
    # What each handler of a Rails application runs in.
    #
    # @api private
    class HandlerScope
      # @param app [Rails::Application]
      def initialize(app)
        @app = app
      end

      # Runs the block inside Rails' reloader. Afterwards ActiveRecord's connections are given back, whatever the block did
      # with them.
      #
      # @return what the block returns
      def call(&handler)
        @app.reloader.wrap(&handler)
      ensure
        ActiveRecordPools.release
      end
    end
  end
end
