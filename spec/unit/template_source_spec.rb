# frozen_string_literal: true

require "tempfile"

RSpec.describe TaskerCore::TemplateSource do
  def read(template) = described_class.read(template)

  it "takes a Hash as it is" do
    template = { name: "t" }

    expect(read(template)).to equal(template)
  end

  it "takes YAML text, with aliases, merges and dates" do
    expect(read("a: &a { x: 1 }\nb: *a\nc: { <<: *a, y: 2026-01-31 }\nd:\n  <<: *a\n  z: :sym\n"))
      .to eq("a" => { "x" => 1 }, "b" => { "x" => 1 }, "c" => { "x" => 1, "y" => Date.new(2026, 1, 31) },
             "d" => { "x" => 1, "z" => :sym })
  end

  it "takes one document with its marks" do
    expect(read("%YAML 1.1\n---\na: 1\n...\n")).to eq("a" => 1)
  end

  it "refuses a file with two documents" do
    Tempfile.create("template") do |file|
      file.write("name: a\n---\nname: b\n")
      file.flush

      expect { read(Pathname(file.path)) }.to raise_error(TaskerCore::ValidationError, /2 YAML documents/)
    end
  end

  it "refuses ERB, which nobody would evaluate" do
    expect { described_class.read("name: <%= ENV['X'] %>\nversion: 1.0.0") }.to raise_error(TaskerCore::ValidationError, /ERB is not evaluated in a template \(<%= ENV\['X'\] %>\)/)
    expect(described_class.read("a: 'less <% than'")).to eq("a" => "less <% than")
  end

  it "refuses a text that is too long before it is parsed" do
    expect { described_class.read("a: [", max_bytes: 3) }.to raise_error(TaskerCore::ValidationError, /has 4 bytes, more than the 3 allowed/)
    expect(described_class.read("a: 1", max_bytes: 4)).to eq("a" => 1)
  end

  {
    "in brackets" => "steps: [{ a: [[1]] }]", "in braces" => "steps: [{ a: { b: { c: 1 } } }]", "by indentation" => "steps:\n- a:\n  - - 1\n",
    "in brackets that are never closed" => "steps: [{ a: [[[ 1, ["
  }.each do |name, text|
    it "refuses what is nested too deep #{name}, with its path and line" do
      expect { described_class.read(text, max_depth: 4) }.to raise_error(TaskerCore::ValidationError, /nested deeper than 4 levels/) do |error|
        expect(error.errors.first["path"]).to eq("steps[0].a#{"[0]" unless text.include?("b:")}#{".b" if text.include?("b:")}")
        expect(error.message).to match(/line \d/)
      end
    end
  end

  it "takes what is as deep as allowed, and what only looks deep" do
    expect(described_class.read("a: [[1]]", max_depth: 3)).to eq("a" => [[1]])
    expect(described_class.read("a: '[[[[['\nb: \"{{{{\"\nc: x [[[[ y # [[[[\n", max_depth: 1)).to eq("a" => "[[[[[", "b" => "{{{{", "c" => "x [[[[ y")
  end

  it "has limits that a template of a thousand steps is far from" do
    text = +"name: t\nsteps:\n"
    1_000.times { |i| text << "- { name: s#{i}, handler: h, depends_on: [s1], config: { url: 'https://example.com/a/b/c?x=#{i}' } }\n" }

    expect(described_class.read(text)["steps"].size).to eq(1_000)
    expect(text.bytesize).to be < TaskerCore::YamlText::MAX_BYTES / 5
  end

  it "refuses text that the parser cannot take, whatever it throws" do
    ["a: \xFF", "a: \u0000", "a: \u0007", "a: *nowhere", "%YAML 9.9\n---\na: 1", "a: !!int x", "\tb: 1"].each do |text|
      read(text)
    rescue StandardError => e
      expect(e).to be_a(TaskerCore::ValidationError), "#{text.inspect} raised #{e.class}: #{e.message}"
    end
  end

  it "lets pass what is raised into it, as Timeout does" do
    interrupted = Class.new(StandardError)
    allow(TaskerCore::YamlText).to receive(:parsed).and_raise(interrupted)

    expect { read("a: 1") }.to raise_error(interrupted)
  end

  it "takes a file by its Pathname" do
    Tempfile.create("template") do |file|
      file.write("name: größe")
      file.flush

      expect(read(Pathname(file.path))).to eq("name" => "größe")
    end
  end

  {
    "text that is no YAML" => ["a: [", /cannot read the template.*line 1/],
    "text that is no mapping" => ["order.yml", /not a mapping.*Pathname/],
    "empty text" => ["", /not a mapping/],
    "a second document" => ["name: a\n---\nname: b\n", /holds 2 YAML documents, .*line 2.*one template/],
    "a second document that follows an end" => ["name: a\n...\n---\nname: b\n", /holds 2 YAML documents.*line 3/],
    "a second document after an empty one" => ["---\n---\nname: b\n---\nname: c", /holds 3 YAML documents/],
    "a key given twice" => ["steps:\n- name: a\n  retry: { n: 1, m: 2, n: 3 }\n", /key n is given twice.*line 3/],
    "an object of a class of one's own" => ["a: !ruby/object:Object {}", /cannot read the template/],
    "a file that is not there" => [Pathname("/no/such/template.yml"), /cannot read the template.*No such file/]
  }.each do |name, (template, message)|
    it "refuses #{name}" do
      expect { read(template) }.to raise_error(TaskerCore::ValidationError, message) do |error|
        expect(error.backtrace.first).to start_with(__FILE__)
      end
    end
  end

  it "refuses anything else" do
    [nil, 5, :name, []].each { |other| expect { read(other) }.to raise_error(TaskerCore::InvalidTypeError, /template must be/) }
  end
end
