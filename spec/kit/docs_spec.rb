# frozen_string_literal: true

require_relative "../support/kit"

# What docs/testing.md shows.
RSpec.describe "docs/testing.md" do
  before { TaskerCore::RSpec.settings.database_url ||= TestDatabase.create }

  let(:text) { File.read(File.expand_path("../../docs/testing.md", __dir__)) }

  it "has a complete example that passes" do
    example = text[/^```ruby\n(require "tasker_core\/rspec"\n\nclass.*?)^```/m, 1]
    classes, description = example.split(/^(?=RSpec\.describe)/, 2)
    Object.class_eval(classes)
    group = Object.class_eval(description.sub("RSpec.describe", "RSpec::Core::ExampleGroup.describe"))

    group.run(RSpec::Core::NullReporter)
    expect(group.examples.to_h { |one| [one.description, one.execution_result.exception] }).to all(satisfy { |_, exception| exception.nil? })
    expect(group.examples.map { |one| one.execution_result.status }).to eq([:passed] * 4)
  ensure
    %i[QuoteTrip BookTrip Hotel].each { |name| Object.send(:remove_const, name) if Object.const_defined?(name) }
  end

  it "names each method and each matcher that there is" do
    methods = TaskerCore::RSpec::Examples.public_instance_methods(false) + TaskerCore::RSpec::Matchers.public_instance_methods(false)

    expect(methods.reject { |name| text.include?("`#{name}") || text.match?(/\b#{name}\b/) }).to eq([])
  end
end
