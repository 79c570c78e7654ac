/** From what a user wrote to what the engine runs: templates, input schemas and task requests are read and checked here. */
package io.taskercore.template;
