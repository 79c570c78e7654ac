# frozen_string_literal: true

# Random values that JSON can hold, nested, with the extremes of numbers and text among them.
module GeneratedValues
  SCALARS = [
    ->(_) {}, ->(random) { random.rand(2).zero? },
    ->(random) { random.rand(-1000..1000) }, ->(random) { random.rand(-2**63..2**63) }, ->(random) { random.rand(2**300) },
    ->(random) { [random.bytes(8).unpack1("D"), 0.5].find(&:finite?) }, ->(random) { random.rand(10).to_f },
    ->(random) { Array.new(random.rand(20)) { random.rand(1..0x7f) }.pack("U*") },
    ->(random) { Array.new(random.rand(20)) { [random.rand(1..0xd7ff), random.rand(0xe000..0x10ffff)].sample(random: random) }.pack("U*") }
  ].freeze

  def self.value(random, depth = 0)
    case random.rand(depth > 5 ? 4..9 : 0..9)
    when 0, 1 then Array.new(random.rand(6)) { value(random, depth + 1) }
    when 2, 3 then Array.new(random.rand(6)) { |i| ["#{SCALARS.last.call(random)}#{i}", value(random, depth + 1)] }.to_h
    else SCALARS.sample(random: random).call(random)
    end
  end
end
