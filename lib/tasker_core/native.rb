# frozen_string_literal: true

require "jruby"
require_relative "errors"

module TaskerCore
  # The Java core. Only the classes of this library talk to it.
  #
  # @api private
  module Native
    JARS = File.join(__dir__, "jars")

    class << self
      # Makes the core's classes loadable and lets them define the rest of this module. Jars that are already on the
      # class path, for instance in an application server, are used as they are.
      def boot
        require_jar("tasker_core.jar", "io/taskercore/jruby/Bridge.class")
        require_jar("postgresql.jar", "org/postgresql/Driver.class")
        JRuby::Util.load_ext("io.taskercore.jruby.Bridge")
      end

      # Whether an argument, which may be any object, has these methods. A BasicObject has none.
      def responds_to?(argument, *methods)
        methods.all? { |method| argument.respond_to?(method) }
      rescue StandardError
        false
      end

      private

      def require_jar(jar, a_class_in_it)
        require File.join(JARS, jar) if JRuby::Util.class_loader_resources(a_class_in_it).empty?
      end
    end
  end

  Native.boot
end
