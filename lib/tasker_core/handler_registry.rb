# frozen_string_literal: true

module TaskerCore
  # The handlers that a coordinator knows by name; other names are looked up as Ruby constants, anew each time, so that code
  # which was reloaded runs as it is now. Of a name <tt>Constant[Text]</tt> the constant is asked: +Constant.handler_for("Text")+.
  #
  # @api private
  class HandlerRegistry
    CONSTANT_NAME = /\A(?<constant>(?:::)?\p{Upper}\w*(?:::\p{Upper}\w*)*)(?:\[(?<of>[^\[\]]+)\])?\z/
    private_constant :CONSTANT_NAME

    def initialize
      @lock = Mutex.new
      @handlers = {}.freeze
    end

    # @return [String] the name
    def add(name, handler)
      name = Native.text("name", name).freeze
      Native.refuse_type("handler", "a class with call, an object with call, or a block", handler) unless handler?(handler)
      @lock.synchronize { @handlers = @handlers.merge(name => handler).freeze }
      name
    end

    # @return [Class, #call, nil] nil if there is none
    def find(name) = @handlers[name] || find_constant(name)

    private

    def find_constant(name)
      match = CONSTANT_NAME.match(name) or return

      found = load_constant(match[:constant], match[:of])
      found if handler?(found)
    rescue ScriptError, StandardError, SystemStackError, NoMemoryError, Java::JavaLang::Error => e
      # Code that is broken is no handler: the step waits for a process that has one, and other handlers are still looked for.
      message = -> { "no handler #{name}: #{Log.text(e)}" }
      missing?(e, name) ? Log.debug(&message) : Log.error(&message)
      nil
    end

    # Inside of what handlers run in: to load code while Rails reloads it would be wrong.
    def load_constant(name, of)
      around = TaskerCore.around_handlers
      return constant(name, of) if around.nil?

      found = nil
      around.call { found = constant(name, of) }
      found
    end

    def constant(name, of) = of ? Object.const_get(name).handler_for(of) : Object.const_get(name)

    def missing?(error, name) = error.is_a?(NameError) && name.split(/::|[\[\]]/).include?(error.name.to_s)

    def handler?(object) = Class === object ? object.method_defined?(:call) : Native.responds_to?(object, :call)
  end
end
