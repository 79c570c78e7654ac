# frozen_string_literal: true

module TaskerCore
  # The handlers that a coordinator knows by name. Other names are looked up as Ruby constants, each time again, so that
  # reloaded code runs as it is now. For a name <tt>Constant[Text]</tt> the constant is asked:
  # +Constant.handler_for("Text")+.
  #
  # @api private
  class HandlerRegistry
    # Ruby allows letters of any script, if the first one is a capital.
    WORD = /[\p{Upper}\p{Lt}]\p{Word}*/
    CONSTANT_NAME = /\A(?<constant>(?:::)?#{WORD}(?:::#{WORD})*)(?:\[(?<of>[^\[\]]+)\])?\z/
    private_constant :WORD, :CONSTANT_NAME

    def initialize
      @lock = Mutex.new
      @handlers = {}.freeze
      @told = {}.freeze
    end

    # @return [String] the name
    def add(name, handler)
      name = Native.text("name", name).freeze
      refuse(handler) unless handler?(handler)
      @lock.synchronize { @handlers = @handlers.merge(name => handler).freeze }
      name
    end

    # @return [Class, #call, nil] nil if there is none
    def find(name) = @handlers[name] || find_constant(name) || tell_once(name)

    # @return [String, nil] why there is no handler of this name although there nearly is one
    def hint(name)
      HandlerHint.new(name, @handlers.keys) { |scope, part| constant_or_nil(scope, part) }.text
    end

    private

    def refuse(handler)
      why = " (#{HandlerHint.of_module(handler)})" if Class === handler
      Native.refuse_type("handler", "a class with call, an object with call, or a block#{why}", handler)
    end

    # The name may belong to another process, and then all is well. Only a name that looks like a slip is worth a
    # warning.
    def tell_once(name)
      return if @told[name]

      @lock.synchronize { @told = @told.merge(name => true).freeze }
      hint = hint(name)
      Log.warn { "no handler #{name}; #{hint}" } if hint
      nil
    end

    def find_constant(name)
      match = CONSTANT_NAME.match(name) or return

      found = load_constant(match[:constant], match[:of])
      found if handler?(found)
    rescue ScriptError, StandardError, SystemStackError, NoMemoryError, Java::JavaLang::Error => e
      # Broken code is no handler: the step waits for a process that has one, and other handlers are still looked for.
      message = -> { "no handler #{name}: #{Log.text(e)}" }
      missing?(e, name) ? Log.debug(&message) : Log.error(&message)
      nil
    end

    def load_constant(name, of)
      within_wrap { of ? constant(name).handler_for(of) : constant(name) }
    end

    # Loads inside the wrap that handlers run in: loading code while Rails reloads it would be wrong.
    def within_wrap
      around = TaskerCore.around_handlers
      return yield if around.nil?

      found = nil
      around.call { found = yield }
      found
    end

    # Broken code gives no hint; an interrupt is meant for the caller.
    def constant_or_nil(scope, name)
      within_wrap { scope.const_get(name, Object.equal?(scope)) }
    rescue ScriptError, StandardError => e
      raise if StandardError === e && !Log.fault?(e)

      nil
    end

    # JRuby's const_get takes a path of names only where all are ASCII.
    def constant(name)
      return Object.const_get(name) if name.ascii_only?

      name.delete_prefix("::").split("::").inject(Object) { |scope, part| scope.const_get(part) }
    end

    def missing?(error, name) = error.is_a?(NameError) && name.split(/::|[\[\]]/).include?(error.name.to_s)

    def handler?(object) = Class === object ? object.method_defined?(:call) : Native.responds_to?(object, :call)
  end
end
