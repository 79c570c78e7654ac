# frozen_string_literal: true

RSpec.describe TaskerCore::StepHandler do
  it "asks for call to be written" do
    handler = stub_const("Unfinished", Class.new(described_class)).new

    expect { handler.call(nil) }.to raise_error(NotImplementedError, /Unfinished must implement call/)
  end

  it "gives success and failure objects, which a test can look into" do
    handler = Class.new(described_class) do
      def call(good)
        good ? success(result: { "n" => 1 }, metadata: { "m" => 2 }) : failure(message: "no", retry_after: 3, retryable: true)
      end
    end.new

    expect { handler.success({ "n" => 1 }) }.to raise_error(ArgumentError, /success\(result: /)
    expect(handler.call(true)).to have_attributes(success?: true, result: { "n" => 1 }, metadata: { "m" => 2 })
    expect(handler.call(false))
      .to have_attributes(success?: false, message: "no", retryable: true, retry_after: 3, error_code: nil, context: {})
  end

  it "lets a test make such outcomes too" do
    handler = Class.new(described_class).new

    expect(handler.success(result: { "n" => 1 })).to have_attributes(success?: true, result: { "n" => 1 })
    expect(handler.failure(message: "no")).to have_attributes(success?: false, message: "no", retryable: false)
  end
end
