# frozen_string_literal: true

require "pathname"

module TaskerCore
  module Rails
    # The templates in +config/tasks+.
    #
    # @api private
    class Templates
      # A template cannot be registered; the message says which.
      class Refused < ArgumentError
        include Error

        # @return [String]
        def error_type = "validation_error"
      end

      class << self
        # Registers them again before the next request or step after a file has changed, appeared or gone. If a template
        # cannot be registered, that is logged, and the template stays as it was.
        #
        # @param app [Rails::Application]
        # @param templates [Templates]
        def watch(app, templates)
          folders = app.paths["config/tasks"].to_h { |folder| [File.expand_path(folder, app.root), %w[yml yaml]] }
          watcher = app.config.file_watcher.new([], folders) { templates.register_anew }
          app.reloaders << watcher
          app.reloader.to_run { watcher.execute_if_updated }
          app.executor.to_run { templates.register_missed } # the reloader runs nothing while no file changes
        end
      end

      # @yieldreturn [Array<String>] the files
      def initialize(&files)
        @files = files
        @missed = false
      end

      # @return [Array<Pathname>] in order
      def files = @files.call.sort.map { |file| Pathname(file) }

      # @param coordinator [Coordinator]
      # @return [Array<Result>] what each was registered as
      # @raise [Refused] naming the file
      def register(coordinator)
        files.map { |file| register_file(coordinator, file) }
      end

      # Registers them with the process's own coordinator, if there is one.
      def register_anew
        @missed = false
        coordinator = TaskerCore.open_coordinator
        register(coordinator) if coordinator
      rescue Error => e
        @missed = e.is_a?(DatabaseError) # the files are not at fault: try them again, even if they do not change
        Log.error(e.message)
      end

      # Registers changed templates that the database has kept from being registered.
      def register_missed
        register_anew if @missed
      end

      private

      def register_file(coordinator, file)
        coordinator.register_template(file)
      rescue ValidationError => e
        raise Refused, "cannot register the template #{file}: #{e.message}"
      end
    end
  end
end
