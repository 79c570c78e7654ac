# frozen_string_literal: true

module TaskerCore
  # Says why there is no handler of a name although there nearly is one: a slip in the name, or a constant that cannot
  # be called. Finding out loads no code except what the name itself asks for.
  #
  # @api private
  class HandlerHint
    PART = /[\p{Word}]+/
    # No constant has a longer name.
    MOST_PARTS = 6
    # Ruby's own classes that can be called, but are no handlers.
    RUBYS_OWN = [Proc, Method].freeze
    private_constant :PART, :MOST_PARTS, :RUBYS_OWN

    # @param object [Module] a module that is no handler
    # @return [String] why it is none
    def self.of_module(object)
      of_its_own = object.respond_to?(:call, true)
      return "it has no method call" unless of_its_own || object.method_defined?(:call) || object.private_method_defined?(:call)
      return "it is a module, and its call is for those who include it" unless of_its_own || Class === object
      return "its call is private" unless object.respond_to?(:call)

      "its call is a method of the class, and handlers are instances: define call for these, or give the class's to register_handler"
    end

    # @param name [String]
    # @param registered [Array<String>] the names of those that were registered
    # @yieldparam scope [Module]
    # @yieldparam part [String]
    # @yieldreturn [Object, nil] the constant; nil if its code is broken
    def initialize(name, registered, &load)
      @name = name
      @registered = registered
      @load = load
    end

    # @return [String, nil]
    def text
      meant = Native.mistyped(@name, @registered)
      return "did you mean #{meant}?" if meant
      return if @name.include?("[")

      path, scope, last = nearest_constant
      return unless path

      path == @name.delete_prefix("::") ? misfit(scope, last) : suggestion(path, scope, last)
    end

    private

    # @return [Array(String, Module, String), nil] the path of the constant that was meant, its module, and its name in
    #   there
    def nearest_constant
      *outer, last = @name.scan(PART)
      return if last.nil? || outer.size >= MOST_PARTS

      path = []
      scope = outer.inject(Object) do |within, part|
        path << (found = nearest(within, part))
        inner = found && loaded(within, found, part)
        return unless Module === inner

        inner
      end
      found = nearest(scope, last)
      [[*path, found].join("::"), scope, found] if found
    end

    def nearest(scope, part)
      names = Module.instance_method(:constants).bind_call(scope, Object.equal?(scope))
      Native.mistyped(part, names.map(&:to_s))
    end

    # Only a constant that was named exactly is loaded.
    def loaded(scope, found, part)
      @load.call(scope, found) if found == part || !scope.autoload?(found)
    end

    def suggestion(path, scope, last)
      "did you mean #{path}?" if scope.autoload?(last) || callable?(loaded(scope, last, nil))
    end

    def callable?(object)
      return false if RUBYS_OWN.include?(object)

      Class === object ? object.method_defined?(:call) : Native.responds_to?(object, :call)
    end

    def misfit(scope, last)
      object = loaded(scope, last, last)
      return if callable?(object)
      return HandlerHint.of_module(object) if Module === object

      "it is an instance of #{object.class}, without a public call"
    end
  end
end
