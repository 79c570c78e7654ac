# frozen_string_literal: true

module TaskerCore
  # What a method of {Coordinator} returns: a Hash with String keys, and a reader for each key.
  #
  #   result["task_id"]                     # => 7
  #   result.task_id                        # => 7
  #   result.dig("steps", 0, "name")        # => "validate_order"
  #   result == { "task_id" => 7, ... }     # => true
  #
  # It may be given wherever a Hash may, for instance in a payload, or as a handler's result.
  class Result
    # @param values [Hash{String => Object}]
    def initialize(values)
      @values = values
    end

    # @param key [String, Symbol]
    def [](key) = @values[key.to_s]

    # @param key [String, Symbol]
    def fetch(key, ...) = @values.fetch(key.to_s, ...)

    # @param key [String, Symbol] the other arguments are as in Hash#dig
    def dig(key, *rest) = @values.dig(key.to_s, *rest)

    # @param key [String, Symbol]
    def key?(key) = @values.key?(key.to_s)

    # @return [Array<String>]
    def keys = @values.keys

    # @return [Hash{String => Object}] the values themselves
    def to_h = @values
    alias to_hash to_h

    # @return [String]
    def to_json(...) = @values.to_json(...)

    # Pattern matching, with Symbols as Ruby wants them: <tt>result => { status: }</tt>
    def deconstruct_keys(_keys) = @values.transform_keys(&:to_sym)

    # @param other [Result, Hash]
    def ==(other)
      case other
      when Result then @values == other.to_h
      when Hash then @values == other
      else false
      end
    end

    # @param other [Result]
    def eql?(other) = Result === other && @values.eql?(other.to_h)

    # @return [Integer]
    def hash = @values.hash

    # @return [String]
    def inspect = "#<#{self.class.name} #{@values.inspect}>"

    private

    def method_missing(name, *arguments)
      return super unless respond_to_missing?(name)
      raise ArgumentError, "wrong number of arguments (given #{arguments.size}, expected 0)" unless arguments.empty?

      @values[name.name]
    end

    def respond_to_missing?(name, _include_private = false) = @values.key?(name.name)
  end
end
