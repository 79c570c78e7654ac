# frozen_string_literal: true

require "bigdecimal"
require "set"

# Random values that may cross the boundary, nested, and what they come back as. Extremes of numbers, all kinds of text, Strings
# that are frozen, or in another encoding, or a part of another String's bytes.
class GeneratedValues
  DEEPEST = 12

  # Some of one, two and four bytes a character, some with shift states or other pitfalls.
  ENCODINGS = %w[UTF-16LE UTF-16BE UTF-32LE UTF-32BE ISO-8859-1 ISO-8859-15 Windows-1252 Windows-31J EUC-JP ISO-2022-JP GB18030
                 KOI8-R US-ASCII BINARY].map { |name| Encoding.find(name) }.freeze

  # What these encodings have letters for.
  LETTERS = "aZ09 \"\\/\n\t\u0001\u007fäßé€Жщ日本語ｱ〒".chars.freeze

  Point = Struct.new(:x, :y)

  # @param random [Random]
  def initialize(random)
    @random = random
  end

  # @return [Array(Object, Object)] a value, and what it comes back as
  def crossing(depth = 0)
    return scalar if depth == DEEPEST || rand(10) > 3

    case rand(depth > 4 ? 6 : 9)
    when 0, 1 then list(depth)
    when 2, 3 then object(depth)
    when 4 then struct(depth)
    when 5 then set
    else list(depth)
    end
  end

  # @return [Object] a value that comes back as it is
  def value = crossing.last

  private

  def rand(range) = @random.rand(range)

  def scalar
    case rand(8)
    when 0 then itself_again([nil, true, false][rand(3)])
    when 1, 2 then itself_again(integer)
    when 3, 4 then itself_again(float)
    when 5 then decimal
    else text
    end
  end

  def itself_again(value) = [value, value]

  def integer
    case rand(5)
    when 0 then rand(-300..300)
    when 1 then (10**rand(0..40) + rand(-1..1)) * (rand(2).zero? ? 1 : -1)
    when 2 then (2**[31, 32, 53, 62, 63, 64, 128][rand(7)] + rand(-2..2)) * (rand(2).zero? ? 1 : -1)
    when 3 then rand(-2**63..2**63)
    else rand(2**700)
    end
  end

  def float
    case rand(5)
    when 0 then [0.0, -0.0, Float::MAX, -Float::MAX, Float::MIN, 5e-324, Float::EPSILON, 1e22, 1e23, 2.0**53 + 2][rand(10)]
    when 1 then rand(-1000..1000) / 100.0
    when 2 then rand(-10..10).to_f
    when 3 then rand(-1_000_000_000..1_000_000_000) * (10.0**rand(-20..20))
    else finite
    end
  end

  def finite
    loop do
      float = @random.bytes(8).unpack1("D")
      return float if float.finite?
    end
  end

  def decimal
    digits = rand(1..10**rand(1..30))
    scale = rand(0..20)
    given = BigDecimal(digits) / (BigDecimal(10)**scale)
    [given, given.to_s("F")]
  end

  def text
    case rand(5)
    when 0 then itself_again(unicode)
    when 1 then itself_again(unicode.freeze)
    when 2 then part_of_another(unicode)
    when 3 then symbol
    else transcoded
    end
  end

  def unicode
    Array.new(rand(24)) { [rand(1..0x7f), rand(1..0x7f), rand(0x80..0xd7ff), rand(0xe000..0x10ffff)][rand(4)] }.pack("U*")
  end

  # Its bytes begin somewhere within those of the other.
  def part_of_another(string)
    [("ä beginning#{string}and an end")[11, string.size], string]
  end

  def symbol
    name = LETTERS[rand(LETTERS.size)] + rand(50).to_s
    [name.to_sym, name]
  end

  def transcoded
    letters = Array.new(rand(16)) { LETTERS[rand(LETTERS.size)] }.join
    encoding = ENCODINGS[rand(ENCODINGS.size)]
    source = encoding == Encoding::BINARY ? Encoding::US_ASCII : encoding
    given = letters.encode(source, undef: :replace, invalid: :replace, replace: "")
    [given.dup.force_encoding(encoding), given.encode(Encoding::UTF_8)]
  end

  def list(depth) = Array.new(rand(6)) { crossing(depth + 1) }.then { |pairs| [pairs.map(&:first), pairs.map(&:last)] }

  def struct(depth)
    x = crossing(depth + 1)
    y = crossing(depth + 1)
    [Point.new(x.first, y.first), { "x" => x.last, "y" => y.last }]
  end

  def set
    texts = Array.new(rand(4)) { |i| "#{unicode}#{i}" }
    [Set.new(texts), texts]
  end

  # The number at its end keeps each key apart from the others.
  def object(depth)
    pairs = Array.new(rand(7)) do |i|
      key, back = text
      key = key.is_a?(Symbol) ? :"#{key}_#{i}" : key + "_#{i}".encode(key.encoding)
      value, value_back = crossing(depth + 1)
      [[key, value], ["#{back}_#{i}", value_back]]
    end
    [pairs.map(&:first).to_h, pairs.map(&:last).to_h]
  end
end
