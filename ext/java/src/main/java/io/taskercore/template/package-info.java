/** From what a user wrote to what the engine runs: templates, input schemas and task requests, read and checked. */
package io.taskercore.template;
