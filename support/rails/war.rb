# frozen_string_literal: true

require "fileutils"
require "rubygems/specification"

# Makes an exploded war of a Rails application: its code is in WEB-INF, tasker_core is among WEB-INF/gems, where Warbler
# puts it, and jruby-rack is in WEB-INF/lib. The other gems are those of GEM_PATH, without Bundler: if there were a
# Gemfile, jruby-rack would use it.
module War
  ROOT = File.expand_path("../..", __dir__)

  WEB_XML = <<~XML
    <?xml version="1.0" encoding="UTF-8"?>
    <web-app %<namespace>s>
    %<parameters>s
      <filter>
        <filter-name>rack</filter-name>
        <filter-class>org.jruby.rack.RackFilter</filter-class>
        <async-supported>true</async-supported>
      </filter>
      <filter-mapping>
        <filter-name>rack</filter-name>
        <url-pattern>/*</url-pattern>
      </filter-mapping>
      <listener>
        <listener-class>org.jruby.rack.RackServletContextListener</listener-class>
      </listener>
    </web-app>
  XML

  NAMESPACES = {
    "jakarta" => 'xmlns="https://jakarta.ee/xml/ns/jakartaee" version="6.0"',
    "javax" => 'xmlns="http://xmlns.jcp.org/xml/ns/javaee" version="4.0"'
  }.freeze

  class << self
    # @return [String] the line of the servlet API: that of JRuby 9.4 or that of 10.1
    def line = JRUBY_VERSION.start_with?("9.") ? "javax" : "jakarta"

    # @param app [String] the folder of the application
    # @param folder [String] of the war to be
    # @param runtimes [Integer] how many Ruby runtimes serve it; with more than one, the core's jars are the application's, shared
    #   by all of them
    # @return [String] the folder
    def build(app, folder, runtimes: 1)
      web_inf = File.join(folder, "WEB-INF")
      FileUtils.mkdir_p([File.join(web_inf, "lib"), File.join(web_inf, "gems/specifications")])
      FileUtils.cp_r("#{app}/.", web_inf)
      FileUtils.rm_f(Dir["#{web_inf}/Gemfile*"])
      FileUtils.cp(Dir["#{ROOT}/build/servlet/#{line}/jruby-rack-*.jar"], File.join(web_inf, "lib"))
      FileUtils.cp(Dir["#{ROOT}/lib/tasker_core/jars/*.jar"], File.join(web_inf, "lib")) if runtimes > 1
      add_gem(File.join(web_inf, "gems"))
      File.write(File.join(web_inf, "web.xml"), format(WEB_XML, namespace: NAMESPACES.fetch(line), parameters: parameters(runtimes)))
      folder
    end

    private

    def add_gem(gems)
      specification = Dir.chdir(ROOT) { Gem::Specification.load("tasker_core.gemspec") }
      File.write(File.join(gems, "specifications/#{specification.full_name}.gemspec"), specification.to_ruby)
      FileUtils.mkdir_p(home = File.join(gems, "gems", specification.full_name))
      FileUtils.cp_r(%w[lib exe].map { |name| File.join(ROOT, name) }, home)
    end

    def parameters(runtimes)
      values = { "rack.env" => ENV.fetch("RAILS_ENV", "production"), "jruby.rack.logging" => "stdout" }
      values.update("jruby.min.runtimes" => runtimes, "jruby.max.runtimes" => runtimes) if runtimes > 1
      values.map do |name, value|
        "  <context-param><param-name>#{name}</param-name><param-value>#{value}</param-value></context-param>"
      end.join("\n")
    end
  end
end
