# frozen_string_literal: true

RSpec.describe TaskerCore::Result do
  subject(:result) { described_class.new("task_id" => 7, "steps" => [{ "name" => "a" }], "next_run_at" => nil) }

  it "reads keys as a Hash does, and Symbols for Strings" do
    expect([result["task_id"], result[:task_id], result["none"]]).to eq([7, 7, nil])
    expect(result.fetch("task_id")).to eq(7)
    expect { result.fetch("none") }.to raise_error(KeyError)
    expect(result.fetch("none", 1)).to eq(1)
    expect(result.dig("steps", 0, "name")).to eq("a")
    expect([result.key?("next_run_at"), result.key?("none")]).to eq([true, false])
    expect(result.keys).to eq(%w[task_id steps next_run_at])
  end

  it "has a reader for each key, and no other" do
    expect([result.task_id, result.next_run_at]).to eq([7, nil])
    expect(result).to respond_to(:task_id)
    expect(result).not_to respond_to(:none)
    expect { result.none }.to raise_error(NoMethodError)
    expect { result.task_id(1) }.to raise_error(ArgumentError)
  end

  it "equals a Hash or a Result with the same content" do
    same = { "task_id" => 7, "steps" => [{ "name" => "a" }], "next_run_at" => nil }

    expect(result).to eq(same).and eq(described_class.new(same)).and include("task_id" => 7)
    expect(result).not_to eq({})
    expect({ result => 1 }[described_class.new(same)]).to eq(1)
  end

  it "equals nothing else, not even what cannot be asked" do
    [nil, 7, BasicObject.new].each { |other| expect([result == other, result.eql?(other)]).to eq([false, false]) }
  end

  it "can be matched and merged" do
    result => { task_id: }

    expect(task_id).to eq(7)
    expect({}.merge(result)).to eq(result.to_h)
  end

  it "shows what it holds" do
    expect(described_class.new("a" => 1).inspect).to eq("#<TaskerCore::Result #{{ 'a' => 1 }.inspect}>")
  end
end
