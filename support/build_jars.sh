#!/usr/bin/env bash
# What `rake compile` runs: Maven's build, if a source is newer than the jar
set -euo pipefail
# shellcheck source=support/setup.sh
source "$(dirname "${BASH_SOURCE[0]}")/setup.sh"
choose_jruby
need jars
