# frozen_string_literal: true

require "tmpdir"
require "yaml"
require "tasker_core/cli"
require_relative "../support/workflows"

# What the README and the manual claim and a machine can check.
RSpec.describe "README.md and docs/manual.md" do
  include Workflows

  let(:readme) { page("README.md") }
  let(:manual) { page("docs/manual.md") }

  def page(name) = File.read(File.expand_path("../../#{name}", __dir__))

  def example = readme[/^## A complete example.*?^```ruby\n(.*?)^```/m, 1]

  def grouped(number) = number.to_s.reverse.scan(/\d{1,3}/).join(",").reverse

  def row_of(key)
    bounds = key["min"] && ", #{grouped(key['min'])} to #{grouped(key['max'])}"
    default = key["default"].is_a?(Hash) ? "{}" : key["default"]
    variables = key["env"].map { |name| "`#{name}`" }.join(", ")
    "| `#{key['key']}` | #{variables} | #{key['type']}#{bounds} | #{"`#{default}`" unless default.nil?} | #{key['doc']} |"
  end

  it "has a complete example that works when it is pasted" do
    database_url, ENV["DATABASE_URL"] = ENV["DATABASE_URL"], TestDatabase.create
    script = File.join(Dir.mktmpdir, "book_trip.rb")
    File.write(script, example)

    expect { load script }.to output(/\Atask 1: complete after 3 handler runs\nquote: .*360.*\nbook: .*B-1.*360.*\n\z/).to_stdout
  ensure
    TaskerCore.close
    ENV["DATABASE_URL"] = database_url
    FileUtils.rm_rf(File.dirname(script)) if script
  end

  it "shows a plain application that registers its templates and has its handlers" do
    database_url, ENV["DATABASE_URL"] = ENV["DATABASE_URL"], TestDatabase.create
    Dir.mktmpdir do |folder|
      %w[handlers templates/trips].each { |name| FileUtils.mkdir_p(File.join(folder, name)) }
      File.write(File.join(folder, "handlers/plain_quote.rb"), "class PlainQuote < TaskerCore::StepHandler\n  def call(_) = { \"total\" => 7 }\nend\n")
      File.write(File.join(folder, "templates/trips/plain.yml"), "name: plain\nversion: 1.0.0\nsteps: [{ name: quote, handler: PlainQuote }]\n")
      File.write(script = File.join(folder, "app.rb"), manual[/^```ruby\n(# app\.rb\n.*?)^```/m, 1])
      TaskerCore.migrate!

      2.times { load script }
      expect(TaskerCore.handle_task(task_name: "plain")).to include("status" => "complete")
    end
  ensure
    TaskerCore.close
    ENV["DATABASE_URL"] = database_url
  end

  it "lists every key of the configuration as the core has it" do
    rows = TaskerCore::Configuration.keys.map { |key| row_of(key) }

    expect(manual.scan(/^\| `[a-z_]+` \| `TASKER.*$/)).to eq(rows)
  end

  it "shows a template that can be registered" do
    template = manual[/^## Templates.*?^```yaml\n(.*?)^```/m, 1]

    expect(coordinator.register_template(template)).to include("namespace" => "fulfillment", "step_count" => 2)
  end

  it "names every error class" do
    errors = TaskerCore.constants.map { |name| TaskerCore.const_get(name) }.grep(Class).select { |const| const < TaskerCore::Error }

    expect(manual[/^## Errors.*?^## /m].scan(/`(\w+Error)`/).flatten).to include(*errors.map { |error| error.name.delete_prefix("TaskerCore::") })
  end

  it "is short, and every link in the pages leads somewhere" do
    expect(readme.lines.size).to be <= 200
    root = File.expand_path("../..", __dir__)
    broken = Dir["#{root}/{*.md,docs/*.md}"].flat_map do |file|
      File.read(file).scan(/\]\(([^)#\s:]*)(?:#([^)\s]+))?\)/).filter_map do |path, anchor|
        target = path.empty? ? file : File.expand_path(path, File.dirname(file))
        "#{File.basename(file)}: #{path}##{anchor}" unless File.exist?(target) && (anchor.nil? || anchors(target).include?(anchor))
      end
    end

    expect(broken).to eq([])
  end

  # A text that was changed in the code is to be found by those who look for it, too.
  it "quotes, in docs/troubleshooting.md, what is really said" do
    root = File.expand_path("../..", __dir__)
    said = Dir["#{root}/{lib,ext/java/src/main/java}/**/*.{rb,java}"].map { |file| File.read(file).gsub(/"\s*(?:\+|\\)\s*"/, "") }.join("\n")
    quoted = page("docs/troubleshooting.md")[/^## Errors.*?(?=^## A task)/m].scan(/^\| `([^`]+)`/).flatten

    expect(quoted.size).to be > 20
    expect(quoted.flat_map { |text| text.split("…") }.map(&:strip).reject { |part| said.include?(part) }).to eq([])
  end

  it "has nothing in docs/deployment.md that tasker, a reader of YAML or the health port would refuse" do
    text = page("docs/deployment.md")
    commands = text.gsub('", "', " ").gsub(/\$\{PORT:-(\d+)\}/, '\1').scan(/\btasker (work|migrate)((?: -{1,2}[^\s"`]+(?: [^-\s"`]+)?)*)/)
    commands.each { |command, arguments| TaskerCore::CLI::Options.new(command).parse(arguments.split) }
    blocks = text.scan(/^```yaml\n(.*?)^```/m).flatten.map { |yaml| YAML.safe_load(yaml, aliases: true) }

    expect(commands.map(&:last).map(&:strip)).to include("--health-port 9394 --log-format json", "--health-port 127.0.0.1:9394", "--health-port 9394")
    expect(blocks.map { |block| block.keys.first }).to eq(%w[services apiVersion])
    answered = page("lib/tasker_core/cli/health_port.rb").scan(%r{when "(/\w+)"}).flatten
    expect(answered).to include(*text.scan(/path: ([^,\s]+)/).flatten, *text.scan(%r{`(/(?:live|health|metrics))`}).flatten)
  end

  it "documents what TaskerCore passes on to its coordinator with the coordinator's own arguments" do
    code = page("lib/tasker_core/coordinator.rb")
    written = page("lib/tasker_core/process.rb").scan(/^    # @!method (.+)\n    #   \(see Coordinator#(\w+)\)$/)

    expect(written.map(&:last)).to eq(page("lib/tasker_core/process.rb")[/^    %i\[([^\]]*?)\]\.each do \|name\|/m, 1].split)
    expect(written.map(&:first).reject { |signature| code.match?(/^    def #{Regexp.escape(signature)}(?: =|$)/) }).to eq([])
  end

  # As the usual hosts make them of headings.
  def anchors(file)
    File.read(file).scan(/^#+ (.+)$/).flatten.map { |heading| heading.downcase.gsub(/[^\p{Alnum}\s_-]/, "").strip.tr(" ", "-") }
  end
end
