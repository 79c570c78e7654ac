# frozen_string_literal: true

require "stringio"
require_relative "../support/workflows"
require_relative "../../examples/order_fulfillment/demo"

# bin/demo without its shell script: for real, on the server of the specs.
RSpec.describe Fulfillment::Demo do
  include Workflows

  # A terminal to write into.
  let(:terminal) do
    Class.new(StringIO) do
      def tty? = true
      def winsize = [40, 100]
    end.new
  end

  def demo(*arguments, out: StringIO.new)
    database_url, ENV["DATABASE_URL"] = ENV["DATABASE_URL"], @url
    [described_class.main(arguments, out: out), out.string]
  ensure
    ENV["DATABASE_URL"] = database_url
  end

  it "shows the steps, their retries, and what came of the orders" do
    well, shown = demo("--orders", "2")

    expect(well).to be(true)
    expect(shown).to include("validate_order ─┬─ reserve_inventory ─┬─ process_payment ─┬─ ship_order")
    expect(shown).to match(/process_payment +waiting for retry, attempt 1, .*the gateway is busy/)
    expect(shown).to match(/✓ process_payment +▕.*█┄+█.*▏ .* s, 3 attempts, waited /)
    expect(shown).to match(/2 charges/)
    expect(shown).to include("What to try next")
    expect(shown).not_to include("\e[")
  end

  it "draws over its lines in a terminal, and leaves the terminal as it was" do
    term, ENV["TERM"] = ENV["TERM"], "xterm"
    no_color = ENV.delete("NO_COLOR")

    well, shown = demo("--orders", "1", out: terminal)

    expect(well).to be(true)
    expect(shown).to match(/\e\[33mattempt 2 in \d\.\d s: the gateway is busy/)
    expect(shown).to match(/\e\[\d+A/)
    expect(shown.scan(/\e\[\?\d+[hl]/)).to eq(["\e[?25l", "\e[?7l", "\e[?25h", "\e[?7h"])
  ensure
    ENV["TERM"] = term
    ENV["NO_COLOR"] = no_color
  end

  it "prints one JSON document for programs; a declined order is what --fail is to show" do
    well, shown = demo("--orders", "2", "--fail", "--json")

    document = JSON.parse(shown)
    expect(well).to be(true)
    expect(document).to include("as_expected" => true)
    expect(document["orders"].map { |order| order.dig("task", "status") }).to eq(%w[complete error])
    expect(document["charges"].size).to eq(1)
  end

  it "finds what did not come as it should" do
    coordinator.register_template(Fulfillment::TEMPLATE)
    Fulfillment.reset
    declined = Fulfillment::Orders.request(1, card: Fulfillment::PaymentGateway::DECLINED_CARD)

    batch = Fulfillment::Demo::Batch.new(coordinator, [[declined, "complete"]])
    batch.run {}

    expect(described_class.surprises(batch)).to eq(["#{declined[:idempotency_key]} is error, and should be complete"])
  end

  it "says what is wrong with the database, without a backtrace" do
    database_url, ENV["DATABASE_URL"] = ENV["DATABASE_URL"], "mysql://localhost/shop"

    expect { expect(described_class.main([])).to be(false) }.to output(/\Abin\/demo: .*postgres/).to_stderr
  ensure
    ENV["DATABASE_URL"] = database_url
  end

  it "refuses options that it doesn't know" do
    expect { described_class.main(["--order", "0"]) }.to raise_error(SystemExit).and output(/invalid argument/).to_stderr
    expect { described_class.main(["now"]) }.to raise_error(SystemExit).and output(/needless argument/).to_stderr
  end

  describe Fulfillment::Demo::DagDrawing do
    def draw(*steps) = described_class.new(steps.map { |name, *parents| { "name" => name, "depends_on" => parents } }).lines

    it "draws a diamond" do
      expect(draw(%w[start], %w[left start], %w[right start], %w[join left right])).to eq([
        "start ─┬─ left ──┬─ join",
        "       └─ right ─┘"
      ])
    end

    it "draws a tree with room for its leaves" do
      expect(draw(%w[root], %w[a root], %w[b root], %w[a1 a], %w[a2 a], %w[b1 b], %w[b2 b], %w[join a1 a2 b1 b2])).to eq([
        "root ─┬─ a ─┬── a1 ─┬─ join",
        "      │     └── a2 ─┤",
        "      └─ b ──┬─ b1 ─┤",
        "             └─ b2 ─┘"
      ])
    end

    it "leads a line past the steps between" do
      expect(draw(%w[a], %w[b a], %w[c b], %w[d a c])).to eq([
        "a ─┬─ b ──── c ─┬─ d",
        "   └────────────┘"
      ])
    end

    it "draws steps that have nothing to do with each other" do
      expect(draw(%w[a], %w[b], %w[c a])).to eq(["a ─── c", "b"])
    end
  end
end
