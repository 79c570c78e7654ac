# frozen_string_literal: true

require "bigdecimal"
require "date"
require "pathname"
require "set"

# What nobody should give to a method, and somebody will: every kind of value, well-behaved or not.
module HostileValues
  # Raises whatever it is asked; only what every Java object can do works.
  class Explosive
    %i[to_s to_str to_sym to_h to_hash to_a to_ary to_i to_int to_f to_proc to_path to_json as_json inspect hash == eql? === =~ <=> !
       respond_to? is_a? kind_of? instance_of? nil? class method_missing call each name synchronize gauge].each do |name|
      define_method(name) { |*| ::Kernel.raise("#{name} was called") }
    end
  end

  # Says that it can do everything, and fails at all of it.
  class Liar
    def respond_to?(*) = true
    def method_missing(name, *) = ::Kernel.raise(IOError, "no #{name}")
    def respond_to_missing?(*) = true
    def to_s = nil
    def inspect = nil
    def hash = "text"
  end

  HashThatRaises = Class.new(Hash) { %i[each each_pair keys [] fetch to_h to_hash merge key?].each { |m| define_method(m) { |*| raise m.to_s } } }
  StructThatRaises = Struct.new(:a) { def to_h(*) = raise("to_h was called") }
  StringThatRaises = Class.new(String) { %i[to_s to_str encode inspect hash to_sym].each { |m| define_method(m) { |*| raise m.to_s } } }
  DateThatRaises = Class.new(Date) { def iso8601(*) = raise("iso8601 was called") }

  # Made anew for each call, by name.
  MAKERS = {
    nil: -> {}, true: -> { true }, false: -> { false }, zero: -> { 0 }, negative: -> { -1 }, fixnum: -> { 7 },
    bignum: -> { 2**70 }, negative_bignum: -> { -2**70 }, float: -> { 1.5 }, nan: -> { Float::NAN }, infinity: -> { -Float::INFINITY },
    rational: -> { 1/3r }, complex: -> { 1i }, decimal: -> { BigDecimal("1.50") }, decimal_nan: -> { BigDecimal("NaN") },
    empty_string: -> { +"" }, string: -> { +"text" }, sql: -> { "'; DROP TABLE tasker.tasks; --" }, nul: -> { "a\0b" },
    binary: -> { "\xFF\xFE".b }, invalid_utf8: -> { "a\xFF" }, utf16: -> { "text".encode("UTF-16LE") }, utf7: -> { "a".dup.force_encoding("UTF-7") },
    long_string: -> { "x" * 1_200_000 }, string_that_raises: -> { StringThatRaises.new("text") },
    symbol: -> { :text }, binary_symbol: -> { "\xFF".b.to_sym }, empty_array: -> { [] }, array: -> { [1, "a"] }, array_of_nil: -> { [nil] },
    cyclic_array: -> { [].tap { |array| array << array } }, deep_array: -> { 200.times.reduce(1) { |inner, _| [inner] } },
    empty_hash: -> { {} }, hash: -> { { "a" => 1 } }, odd_keys: -> { { 1 => 2, nil => 3, Object.new => 4 } }, two_keys: -> { { "a" => 1, a: 2 } },
    cyclic_hash: -> { {}.tap { |hash| hash["self"] = hash } }, hash_of_objects: -> { { "a" => Object.new } },
    explosive_key: -> { {}.compare_by_identity.tap { |hash| hash[Explosive.new] = 1 } }, hash_with_default: -> { Hash.new { raise "default" } },
    hash_that_raises: -> { HashThatRaises.new }, hash_of_explosives: -> { { a: Explosive.new } }, hash_of_basic_objects: -> { { a: BasicObject.new } },
    set: -> { Set[1] }, cyclic_set: -> { Set.new.tap { |set| set << set } }, struct: -> { Struct.new(:a).new(1) }, struct_that_raises: -> { StructThatRaises.new(1) },
    time: -> { Time.now }, date: -> { Date.today }, date_that_raises: -> { DateThatRaises.today }, range: -> { 1.. }, regexp: -> { /a/ },
    object: -> { Object.new }, basic_object: -> { BasicObject.new }, explosive: -> { Explosive.new }, liar: -> { Liar.new },
    class: -> { String }, anonymous_class: -> { Class.new }, module: -> { Kernel }, proc: -> { proc { raise "called" } }, method: -> { method(:puts) },
    enumerator: -> { [1].each }, lazy: -> { (1..).lazy }, pathname: -> { Pathname("/nowhere/at/all.yml") }, folder: -> { Pathname("/") },
    io: -> { $stdin }, thread: -> { Thread.current }, exception: -> { RuntimeError.new("given") }, binding: -> { binding },
    result: -> { TaskerCore::Result.new("a" => 1) }, wrong_result: -> { TaskerCore::Result.new(5) },
    java_object: -> { java.lang.Object.new }, java_map: -> { java.util.HashMap.new("a" => 1) }, java_list: -> { java.util.ArrayList.new([1]) },
    java_exception: -> { java.lang.IllegalStateException.new("java") }, java_class: -> { java.lang.String.java_class }
  }.freeze

  def self.names = MAKERS.keys

  def self.make(name) = MAKERS.fetch(name).call
end
