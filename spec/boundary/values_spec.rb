# frozen_string_literal: true

require "bigdecimal"
require "date"
require "json"
require "set"
require "stringio"
require "tempfile"
require "timeout"
require_relative "../support/generated_values"
require_relative "../support/other_jruby"

# What may cross the boundary, and how it comes back. Ruby's own JSON library is the judge of the text in between.
RSpec.describe "Values at the boundary" do
  def dump(value, path: "payload", max_bytes: 1 << 20) = TaskerCore::Native.dump(value, path, max_bytes)

  def round_trip(value) = TaskerCore::Native.parse(dump(value))

  def refusal(value, **options)
    dump(value, **options)
    nil
  rescue TaskerCore::ValidationError => e
    e.errors.first
  end

  def path_of(value) = refusal(value)&.fetch("path")

  def message_of(value) = refusal(value)&.fetch("message")

  def nested(depth) = depth.times.reduce(0) { |inner, _| [inner] }

  describe "what comes back as it went" do
    {
      "nil" => nil, "true" => true, "false" => false, "zero" => 0, "a negative Integer" => -1,
      "the largest 64-bit Integer" => 2**63 - 1, "the smallest 64-bit Integer" => -2**63,
      "the first Integer beyond 64 bits" => 2**63, "2^64" => 2**64, "an Integer of 1,000 digits" => 10**999 + 7,
      "a Float" => 1.5, "a whole Float" => 1.0, "a large whole Float" => 1.0e20, "the largest Float" => Float::MAX,
      "the smallest Float" => 5e-324, "a Float with all its digits" => 0.1 + 0.2, "negative zero" => -0.0,
      "an empty String" => "", "ASCII" => "plain", "UTF-8" => "Grüße, 世界 😀",
      "what JSON escapes" => "\"\\/\b\f\n\r\t\u0001\u001f\u007f",
      "line separators" => "\u2028\u2029", "an empty Hash" => {}, "an empty Array" => [],
      "nested data" => { "a" => [1, { "b" => [[], {}, nil] }], "c" => { "d" => "e" } }
    }.each do |name, value|
      it "is #{name}" do
        expect(round_trip(value)).to eql(value)
        expect(JSON.parse(dump(value), allow_nan: false)).to eql(value)
      end
    end

    it "is every power of ten and its neighbours" do
      (0..40).flat_map { |n| [10**n - 1, 10**n, 10**n + 1, -10**n] }.each do |number|
        expect(dump(number)).to eq(number.to_s)
        expect(round_trip(number)).to eql(number)
      end
    end

    it "is a Float of a usual magnitude in plain digits" do
      { 12_345_678.5 => "12345678.5", 1e7 => "10000000.0", -0.0001 => "-0.0001", 1e15 => "1000000000000000.0",
        1e-15 => "0.000000000000001", 1.0e20 => "1.0E20", 2.5e-16 => "2.5E-16", 0.1 => "0.1", 1.0 => "1.0" }.each do |number, text|
        expect(dump(number)).to eq(text)
      end
    end

    it "is any Float, to its last bit" do
      random = Random.new(5)
      2_000.times do
        number = (random.rand - 0.5) * 10.0**random.rand(-18..18)
        expect([round_trip(number)].pack("G")).to eq([number].pack("G"))
        expect(BigDecimal(dump(number)).to_f).to eq(number)
      end
    end

    it "is 100 levels of nesting" do
      expect(round_trip(nested(100))).to eq(nested(100))
    end

    it "is a Float as a Float and an Integer as an Integer" do
      expect(round_trip([1.0e20, 10**20])).to eql([1.0e20, 10**20])
    end

    it "keeps the order of keys" do
      expect(round_trip({ "b" => 1, "a" => 2, "c" => 3 }).keys).to eq(%w[b a c])
    end
  end

  describe "what comes back in JSON's own types" do
    point = Struct.new(:x, :y)

    {
      "a Symbol" => [:paid, "paid"], "a Symbol beyond ASCII" => [:größe, "größe"],
      "Symbols as keys" => [{ a: { b: 1 } }, { "a" => { "b" => 1 } }],
      "a subclass of Hash" => [Class.new(Hash).new.merge!("a" => 1), { "a" => 1 }],
      "a subclass of String" => [Class.new(String).new("text"), "text"],
      "a subclass of Array" => [Class.new(Array).new([1, :a]), [1, "a"]],
      "a Hash with a default" => [Hash.new(7).merge!("a" => 1), { "a" => 1 }],
      "a frozen Hash" => [{ "a" => [1].freeze }.freeze, { "a" => [1] }],
      "a Struct with keywords" => [Struct.new(:x, keyword_init: true).new(x: :y), { "x" => "y" }],
      "a subclass of Set" => [Class.new(Set).new([:b]), ["b"]],
      "a Struct" => [point.new(1, [2]), { "x" => 1, "y" => [2] }], "a Set" => [Set[1, "a"], [1, "a"]],
      "a BigDecimal" => [BigDecimal("12.340"), "12.34"], "a whole BigDecimal" => [BigDecimal("100"), "100.0"],
      "a small BigDecimal" => [BigDecimal("0.00000012"), "0.00000012"], "a negative BigDecimal" => [BigDecimal("-1.50"), "-1.5"],
      "negative zero as BigDecimal" => [BigDecimal("-0"), "-0.0"],
      "a BigDecimal with many digits" => [BigDecimal("123456789012345678901234567890.1234567890"),
                                          "123456789012345678901234567890.123456789"],
      "zero as BigDecimal" => [BigDecimal("0"), "0.0"], "a large BigDecimal" => [BigDecimal("1e30"), "1#{'0' * 30}.0"],
      "a Time in UTC" => [Time.utc(2026, 1, 31, 12, 0, 0.1235r), "2026-01-31T12:00:00.123Z"],
      "a Time with an offset" => [Time.new(2026, 1, 31, 12, 0, 0, "+02:00"), "2026-01-31T12:00:00.000+02:00"],
      "a Time before 1970" => [Time.utc(1969, 12, 31, 23, 59, 59.9995r), "1969-12-31T23:59:59.999Z"],
      "a DateTime" => [DateTime.new(2026, 1, 31, 1, 2, 3.5, "-03:00"), "2026-01-31T01:02:03.500-03:00"],
      "a DateTime east of UTC" => [DateTime.new(2026, 1, 31, 1, 2, 3, "+05:30"), "2026-01-31T01:02:03.000+05:30"],
      "a DateTime in UTC" => [DateTime.new(2026, 1, 31, 1, 2, 3), "2026-01-31T01:02:03.000+00:00"],
      "a Date" => [Date.new(2026, 1, 31), "2026-01-31"],
      "Latin-1" => ["caf\xE9".dup.force_encoding("ISO-8859-1"), "café"], "UTF-16" => ["häß".encode("UTF-16LE"), "häß"],
      "UTF-32" => ["hä😀".encode("UTF-32BE"), "hä😀"], "Windows-31J" => ["日本①".encode("Windows-31J"), "日本①"],
      "ASCII-8BIT that is ASCII, as a key" => [{ "k".b => 1 }, { "k" => 1 }],
      "EBCDIC" => ["a1".encode("IBM037"), "a1"], "CP50221" => ["日本".encode("CP50221"), "日本"],
      "a transcoded Symbol" => ["\xE9".dup.force_encoding("ISO-8859-1").to_sym, "é"],
      "Shift JIS" => ["日本".encode("Shift_JIS"), "日本"], "ISO-2022-JP" => ["日本".encode("ISO-2022-JP"), "日本"],
      "a transcoded key" => [{ "caf\xE9".dup.force_encoding("ISO-8859-1") => 1 }, { "café" => 1 }],
      "ASCII-8BIT that is ASCII" => ["plain".b, "plain"], "US-ASCII" => ["plain".encode("US-ASCII"), "plain"]
    }.each do |name, (given, back)|
      it "is #{name}" do
        expect(round_trip(given)).to eql(back)
      end
    end

    it "is a Data", if: defined?(Data.define) do
      expect(round_trip(Data.define(:amount, :currency).new(12, :EUR))).to eq("amount" => 12, "currency" => "EUR")
    end

    it "is the part of a String that shares its bytes with another" do
      expect(round_trip("0123456789éabcdefghijklmnopqrstuvwxyz0123456789"[8, 20])).to eq("89éabcdefghijklmnopq")
    end

    it "is the part of a String in another encoding that shares its bytes with another" do
      expect(round_trip("0123456789éabcdefghijklmnopqrstuvwxyz".encode("UTF-16LE")[8, 20])).to eq("89éabcdefghijklmnopq")
      expect(round_trip("\xE90123456789\xE9".dup.force_encoding("ISO-8859-1")[5, 7])).to eq("456789é")
    end

    it "is a result of this library" do
      expect(round_trip({ "r" => TaskerCore::Result.new("task_id" => 7) })).to eq("r" => { "task_id" => 7 })
    end

    it "is what permitted parameters hold" do
      stub_const("ActionController::Parameters", Class.new do
        def initialize(hash) = @hash = hash
        def permitted? = @hash.key?("ok")
        def to_h = @hash
      end)

      expect(round_trip({ "p" => ActionController::Parameters.new({ "ok" => 1 }) })).to eq("p" => { "ok" => 1 })
      expect(message_of(ActionController::Parameters.new({}))).to match(/unpermitted.*permit/)
    end

    it "is a time with a zone" do
      stub_const("ActiveSupport::TimeWithZone", Class.new { def iso8601(digits) = "2026-01-31T00:00:00.#{'0' * digits}+01:00" })

      expect(round_trip(ActiveSupport::TimeWithZone.new)).to eq("2026-01-31T00:00:00.000+01:00")
    end

    # In a process of its own, for Active Support changes Ruby's classes. It announces the class to autoload, and requires it.
    it "is a time with a zone of Active Support's" do
      script = <<~RUBY
        require "logger"
        require "active_support"
        require "active_support/time"
        require "tasker_core"
        Time.zone = "Berlin"
        print TaskerCore::Native.dump(Time.zone.local(2026, 1, 31), "payload", 100)
      RUBY
      Tempfile.create("zone") do |out|
        Process.wait(OtherJRuby.spawn("-e", script, out: out.path))

        expect(File.read(out.path)).to eq('"2026-01-31T00:00:00.000+01:00"')
      end
    end
  end

  describe "what is read" do
    subject(:hash) { round_trip({ "items" => [{ "name" => "ä" }, { "name" => "b" }] }) }

    it "has frozen keys, each once" do
      first, second = hash["items"].map { |item| item.keys.first }

      expect(first).to be_frozen
      expect(first.encoding).to eq(Encoding::UTF_8)
      expect(first).to equal(second)
    end

    it "has the same keys from document to document, long ones and odd ones too" do
      keys = ["name", "größe", "k" * 200, "a\nb", ""]
      first, second = Array.new(2) { round_trip(keys.to_h { |key| [key, 1] }).keys }

      expect(first).to eq(keys)
      expect(first.zip(second)).to all(satisfy { |one, other| one.equal?(other) })
    end

    it "has keys of its own when there are more of them than anybody can keep" do
      5_000.times { |i| expect(round_trip({ "key_#{i}" => i })).to eq("key_#{i}" => i) }
    end

    it "has UTF-8 Strings that may be changed" do
      name = hash["items"].first["name"]

      expect(name.encoding).to eq(Encoding::UTF_8)
      expect(name << "!").to eq("ä!")
      expect(round_trip("plain").encoding).to eq(Encoding::UTF_8)
    end

    it "can be added to" do
      expect(hash.merge!("x" => 1)["x"]).to eq(1)
    end
  end

  describe "what is refused" do
    {
      "NaN" => [Float::NAN, /NaN.*nil or a String/], "Infinity" => [Float::INFINITY, /Infinity/], "-Infinity" => [-Float::INFINITY, /-Infinity.*nil or a String/],
      "a BigDecimal that is not a number" => [BigDecimal("NaN"), /NaN/],
      "an infinite BigDecimal" => [BigDecimal("-Infinity"), /-Infinity/],
      "binary" => ["\xFF".b, /binary.*Base64/], "invalid UTF-8" => ["a\xFF", /not valid UTF-8.*scrub/],
      "a surrogate in UTF-8" => ["\xED\xA0\x80", /not valid UTF-8.*scrub/], "overlong UTF-8" => ["\xC0\xAF", /not valid UTF-8.*scrub/],
      "invalid UTF-16" => ["\x00\xD8".dup.force_encoding("UTF-16LE"), /not valid UTF-16LE.*scrub/],
      "US-ASCII that is not" => ["\xE9".dup.force_encoding("US-ASCII"), /not valid US-ASCII.*force/],
      "what has no place in Unicode" => ["\x81".dup.force_encoding("Windows-1252"), /cannot be transcoded from Windows-1252/],
      "a NUL" => ["a\0b", /NUL.*remove/], "an object" => [Object.new, /instance of Object.*give a Hash/],
      "a BasicObject" => [BasicObject.new, /instance of BasicObject/], "a class" => [String, /instance of Class/],
      "a Range" => [1..2, /instance of Range/], "a Rational" => [1r, /instance of Rational/],
      "a Proc" => [-> {}, /instance of Proc/], "a Java object" => [java.util.HashMap.new, /Java::JavaUtil::HashMap/],
      "an Integer as a key" => [{ 1 => 2 }, /key.*Integer.*Strings or Symbols/], "nil as a key" => [{ nil => 2 }, /NilClass/],
      "a key that YAML reads as true" => [{ true => 2 }, /TrueClass.*in quotes/], "a number as a key" => [{ 1.5 => 2 }, /Float.*in quotes/]
    }.each do |name, (value, message)|
      it "is #{name}" do
        expect(message_of({ items: [0, { it: value }] })).to match(message)
        expect(path_of({ items: [0, { it: value }] })).to start_with("payload.items[1].it")
      end
    end

    it "is named on one line, whatever its key" do
      expect(path_of({ "a\nERROR forged \e[31m" => 0.0 / 0 })).to eq('payload["a\nERROR forged \u001b[31m"]')
      expect { dump({ "a\nb" => 0.0 / 0 }) }.to raise_error(TaskerCore::ValidationError, /\Apayload\["a\\nb"\]: is NaN/)
    end

    it "never asks an object for its JSON" do
      object = Class.new do
        def to_json(*) = raise("asked")
        def as_json(*) = raise("asked")
        def to_h = raise("asked")
        def to_s = raise("asked")
        def inspect = raise("asked")
      end.new

      expect(message_of(object)).to match(/no JSON form/)
    end

    it "is two keys that become one" do
      twice = {}.compare_by_identity.tap { |hash| 2.times { hash[+"k"] = 1 } }
      same = { "é" => 1, "\xE9".dup.force_encoding("ISO-8859-1") => 2 }

      expect(path_of({ "a" => { b: 1, "b" => 2 } })).to eq("payload.a.b")
      expect(path_of(same)).to eq("payload.é")
      expect(path_of(twice)).to eq("payload.k")
      expect(message_of({ a: 1, "a" => 2 })).to match(/become this one.*keep one/)
      expect(path_of({ "é": 1, "é" => 2 })).to eq("payload.é")
      expect(path_of({ "é": 1, "\xE9".dup.force_encoding("ISO-8859-1").to_sym => 2 })).to eq("payload.é")
      expect(path_of({ "é" => 1, "\xE9".dup.force_encoding("ISO-8859-1").to_sym => 2 })).to eq("payload.é")
      expect(path_of({ "a" => 1, "a".encode("IBM037") => 2 })).to eq("payload.a")
      expect(path_of({ "日本" => 1, "日本".encode("CP50221") => 2 })).to eq("payload.日本")
    end

    it "is a key that is no valid text" do
      expect(message_of({ "\xFF" => 1 })).to match(/not valid UTF-8/)
      expect(message_of({ "a\0" => 1 })).to match(/NUL/)
    end

    it "is named by its keys as they are written" do
      expect(path_of({ "zahlung_prüfen": { "a".encode("IBM037") => Object } })).to eq('payload.zahlung_prüfen.a')
    end

    it "is the process's environment, which is a Hash in JRuby" do
      expect(refusal({ "it" => ENV })).to include("path" => "payload.it", "message" => /environment of the whole process/)
      expect(round_trip(ENV.to_h)).to eq(ENV.to_h)
      expect(round_trip({ "it" => { "a" => 1 }.tap(&:singleton_class) })).to eq("it" => { "a" => 1 })
    end

    it "is an Integer that PostgreSQL cannot compare" do
      expect(round_trip(10**131_072 - 1)).to eq(10**131_072 - 1)
      expect(round_trip(1 - 10**131_072)).to eq(1 - 10**131_072)
      expect(message_of({ "n" => 10**131_072 })).to match(/131,072 digits/)
      expect(message_of(-10**140_000)).to match(/131,072 digits/)
    end

    it "is a String that says anything but text of its encoding" do
      nothing = Class.new(String) { def encode(*) = nil }
      itself = Class.new(String) { def encode(*) = self }

      [nothing, itself].each do |odd|
        expect(message_of(odd.new("\xE9".dup.force_encoding("ISO-8859-1")))).to match(/cannot be transcoded from ISO-8859-1/)
      end
    end

    it "is no matter for a time-out, which goes on" do
      slow = Class.new(String) { def encode(*) = sleep }.new("\xE9".dup.force_encoding("ISO-8859-1"))

      expect { Timeout.timeout(0.1) { dump(slow) } }.to raise_error(Timeout::Error)
    end

    it "is a cycle, where it closes" do
      hash = { "x" => { "y" => [1] } }
      hash["x"]["y"] << hash["x"]
      array = [].tap { |it| it << it }
      struct = Struct.new(:me).new.tap { |it| it.me = [it] }

      expect([path_of(hash), path_of(array), path_of(struct)]).to eq(%w[payload.x.y[1] payload[0] payload.me[0]])
      expect(message_of(array)).to match(/contains itself/)
    end

    it "is nesting deeper than 100 levels" do
      expect(message_of(nested(101))).to match(/deeper than 100/)
      expect(message_of(nested(100_000))).to match(/deeper than 100/)
    end

    it "is more than the allowed bytes, exactly" do
      expect(refusal("x" * 98, max_bytes: 100)).to be_nil
      expect(refusal("x" * 99, max_bytes: 100)).to include("path" => "payload", "message" => /more than the 100 bytes/)
      expect(refusal(["ab"] * 40, max_bytes: 100)).to include("path" => "payload")
    end

    it "is a number whose digits alone are too many, without writing them" do
      expect(message_of(BigDecimal("1e100000000"))).to match(/bytes allowed/)
      expect(message_of(1 << 40_000_000)).to match(/bytes allowed/)
    end

    it "is named by a path that shows odd keys as they are" do
      expect(path_of({ items: [1, { "odd key" => { price: Object }, "a.b" => 1 }] })).to eq('payload.items[1]["odd key"].price')
      expect(path_of([Object])).to eq("payload[0]")
      expect(path_of(Object)).to eq("payload")
    end
  end

  describe "a request" do
    def dump_request(request, path: "", max_bytes: 1 << 20) = TaskerCore::Native.dump_request(request, path, max_bytes)

    it "gives its payload a depth of its own" do
      payload = { "list" => nested(99) }

      expect(JSON.parse(dump_request({ payload: payload }), max_nesting: 101)).to eq("payload" => payload)
      expect { dump_request({ payload: { "list" => nested(100) } }) }
        .to raise_error(TaskerCore::ValidationError, /\Apayload\.list\[0\].*deeper/)
    end

    it "counts the payload's bytes only" do
      request = { task_name: "t", payload: "x" * 98, tags: ["y" * 200] }

      expect(JSON.parse(dump_request(request, max_bytes: 100))["payload"]).to eq("x" * 98)
      expect { dump_request(request, max_bytes: 99) }.to raise_error(TaskerCore::ValidationError, /\Apayload: .* 99 bytes/)
    end

    it "is named by its place among others" do
      expect { dump_request({ payload: { a: Object } }, path: "[17]") }
        .to raise_error(TaskerCore::ValidationError, /\A\[17\]\.payload\.a: /)
    end

    it "finds a payload that holds the request" do
      request = { "payload" => {} }
      request["payload"]["back"] = request

      expect { dump_request(request) }.to raise_error(TaskerCore::ValidationError, /contains itself/)
    end
  end

  describe "a text that is no JSON" do
    let(:log) { StringIO.new }

    before { TaskerCore.logger = Logger.new(log) }
    after { TaskerCore.logger = nil }

    it "is logged by its place, not by its content" do
      expect { TaskerCore::Native.parse('{"secret":"s3cr3t",}') }.to raise_error(TaskerCore::InternalError)

      expect(log.string).to include("not JSON: an unexpected character at byte 19")
      expect(log.string).not_to include("s3cr3t")
    end

    ["", " ", "nul", "[1,]", "{\"a\":}", "1 2", "01", "1.", "\"\\ud800\"", "\"a\nb\"", "[1e400]", "\"\xFF\"", "NaN", "\"abc"].each do |text|
      it "is #{text.inspect}, which is not read" do
        expect { TaskerCore::Native.parse(text) }.to raise_error(TaskerCore::InternalError, /see the log/)
      end
    end
  end

  describe "a refusal" do
    it "has the caller's line first in its backtrace, no cause, and a reference" do
      error = begin
        dump(Object)
      rescue TaskerCore::ValidationError => e
        e
      end

      expect(error).to be_a(ArgumentError).and be_a(TaskerCore::Error)
      expect(error.backtrace.first).to start_with("#{__FILE__}:")
      expect(error.cause).to be_nil
      expect(error.reference).to match(/\A\h{6}-\d+\z/)
    end
  end

  seed = Integer(ENV.fetch("VALUES_SEED", Random.new_seed % 1_000_000))

  it "come back whole from any nesting of any of them, seed #{seed} (VALUES_SEED)" do
    generated = GeneratedValues.new(Random.new(seed))
    1_000.times do
      given, back = generated.crossing
      json = dump(given)

      expect(TaskerCore::Native.parse(json)).to eql(back)
      expect(JSON.parse(json)).to eql(back)
    end
  end

  it "are read from what Ruby's own library writes, seed #{seed} (VALUES_SEED)" do
    generated = GeneratedValues.new(Random.new(seed + 1))
    500.times do
      value = generated.value
      texts = [JSON.generate(value), JSON.pretty_generate(value), JSON.generate(value, ascii_only: true)]

      # Not the value itself: JRuby 9.4 writes some Floats with a digit too few.
      texts.each { |text| expect(TaskerCore::Native.parse(text)).to eql(JSON.parse(text)) }
    end
  end
end
