# frozen_string_literal: true

require "json"

# That crossing the boundary leaves nothing behind, of what was written, read or refused.
RSpec.describe "Memory at the boundary" do
  # 200,000 in all: of a leak of only 16 bytes each, most of it would be above the bound.
  ROUNDS = 10
  ROUND_TRIPS = 20_000
  BOUND = 2 << 20

  def used_heap
    memory = java.lang.management.ManagementFactory.memory_mx_bean
    3.times { memory.gc }
    memory.heap_memory_usage.used
  end

  def round_trips(count)
    count.times do |i|
      value = { "order" => i, "key_#{i % 5000}" => ["text #{i}", i * 0.5, nil, { "nested" => 2**70 + i, symbol: :"value_#{i % 100}" }] }
      back = TaskerCore::Native.parse(TaskerCore::Native.dump(value, "payload", 1 << 20))
      raise "#{value} came back as #{back}" unless back["order"] == i
    end
  end

  def refusals(count)
    count.times do |i|
      TaskerCore::Native.dump({ "a" => [i, Float::NAN] }, "payload", 1 << 20)
      raise "NaN was accepted"
    rescue TaskerCore::ValidationError => e
      raise "#{e.message} is wrong" unless e.errors.first["path"] == "payload.a[1]"
    end
  end

  it "is the same after 200,000 round trips" do
    round_trips(ROUND_TRIPS)
    before = used_heap
    ROUNDS.times { round_trips(ROUND_TRIPS) }

    expect(used_heap - before).to be < BOUND
  end

  it "is the same after 10,000 refusals" do
    refusals(2_000)
    before = used_heap
    refusals(10_000)

    expect(used_heap - before).to be < BOUND
  end
end
